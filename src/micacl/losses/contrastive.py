"""The multi-scale category-aware contrastive term of MCCL: equations (7) to (12).

Shapes: B clips of this process, N clips of the global batch (N = B with one process), C features, D projected
features, K classes, S scales.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from micacl.losses.class_counts import check_class_counts
from micacl.losses.gather import gather, is_distributed

Form = Literal["log", "printed"]
Weighting = Literal["balanced", "printed"]


def category_weights(logits_BK: Tensor, labels_B: Tensor, class_counts_K: Tensor, weighting: Weighting) -> Tensor:
    """Computes equation (7): W_c(i) = (1 - p_i[y_i]) / n_c[y_i], with p detached.

    As printed the weight is below 1/116 on DFEW; "balanced" uses N / (K n_c[y_i]) in place of 1 / n_c[y_i].

    Args:
        logits_BK: The classifier's scores, shape (B, K).
        labels_B: Classes, shape (B,).
        class_counts_K: n_c, training clips of each class, shape (K,).
        weighting: "balanced" or "printed".

    Returns:
        Weights, shape (B,), without gradient.
    """
    probability_BK = torch.softmax(logits_BK.detach(), dim=-1)
    difficulty_B = 1 - probability_BK.gather(1, labels_B[:, None]).squeeze(1)
    counts_K = class_counts_K.to(difficulty_B.dtype)
    rarity_K = 1 / counts_K
    if weighting == "balanced":
        rarity_K = rarity_K * counts_K.sum() / counts_K.numel()
    return difficulty_B * rarity_K[labels_B]


def temperature(class_counts_K: Tensor, base_temperature: float) -> Tensor:
    """Computes equation (10): tau = tau0 * mean over k of (1 + n_c[k] / max n_c), 0-d, float64."""
    counts_K = class_counts_K.double()
    return base_temperature * (1 + counts_K / counts_K.max()).mean()


def similarity(anchors_BD: Tensor, keys_ND: Tensor, temperature: Tensor | float) -> Tensor:
    """Computes equation (9): cosine similarity over temperature, shape (B, N)."""
    cosine_BN = F.normalize(anchors_BD, dim=-1) @ F.normalize(keys_ND, dim=-1).T
    return cosine_BN / temperature


class Pairs(NamedTuple):
    """Pairs of each clip of this process with each clip of the global batch.

    Attributes:
        anchor_index_B: The positions of this process's clips in the global batch, shape (B,).
        is_self_BN: Whether a pair is a clip and itself, shape (B, N).
        is_positive_BN: Whether a pair is two clips of one class, shape (B, N).
    """

    anchor_index_B: Tensor
    is_self_BN: Tensor
    is_positive_BN: Tensor


def pairs(labels_B: Tensor) -> Pairs:
    """Pairs every clip of this process with every clip of the global batch."""
    all_labels_N = gather(labels_B)
    first = torch.distributed.get_rank() * len(labels_B) if is_distributed() else 0
    anchor_index_B = torch.arange(first, first + len(labels_B), device=labels_B.device)
    is_self_BN = anchor_index_B[:, None] == torch.arange(len(all_labels_N), device=labels_B.device)
    return Pairs(anchor_index_B, is_self_BN, (labels_B[:, None] == all_labels_N) & ~is_self_BN)


def printed_contrast(similarity_BN: Tensor, is_positive_BN: Tensor, weights_B: Tensor) -> Tensor:
    """Computes equation (11) as printed: no logarithm, and the denominator includes the anchor itself; 0-d."""
    probability_BN = torch.softmax(similarity_BN, dim=-1)
    positive_B = (probability_BN * is_positive_BN).sum(dim=-1)
    return -(weights_B * positive_B).mean()


def log_contrast(similarity_BN: Tensor, is_positive_BN: Tensor, is_self_BN: Tensor, weights_B: Tensor) -> Tensor:
    """Computes equation (11) in the form of Khosla et al. (NeurIPS 2020), equation (2), 0-d.

    The mean over an anchor's positives of -log(exp S_ij / sum over k other than i of exp S_ik), weighted by W_c(i).
    An anchor without positives contributes 0 and is counted in the mean.
    """
    # A large finite value in place of -inf: an anchor alone in its batch has nothing else in the denominator, and
    # -inf everywhere would make the softmax NaN.
    others_BN = similarity_BN.masked_fill(is_self_BN, torch.finfo(similarity_BN.dtype).min)
    log_probability_BN = torch.log_softmax(others_BN, dim=-1)
    num_positives_B = is_positive_BN.sum(dim=-1)
    per_anchor_B = -log_probability_BN.masked_fill(~is_positive_BN, 0.0).sum(dim=-1) / num_positives_B.clamp(min=1)
    return (weights_B * per_anchor_B).mean()


class MultiScaleContrastiveLoss(nn.Module):
    """Computes L_c of every scale, equations (7) to (11); their mean is L_MC, equation (12).

    Under distributed training each process's anchors are compared with the global batch: the mean over the processes
    of this loss, and of its gradients, equal those of one process with the whole batch.

    Args:
        class_counts: n_c, training clips of each class in the current fold, all positive.
        feature_dim: C.
        scales: The sizes that X' is pooled to (not stated in the paper).
        projection_dim: D, the size of the projected features (not stated in the paper).
        base_temperature: Tau0 of equation (10) (not stated in the paper).
        form: "log", supervised contrastive, or "printed", equation (11) to the letter.
        weighting: "balanced" or "printed", see :func:`category_weights`.

    Raises:
        ValueError: If an argument is outside its range.
    """

    class_counts_K: Tensor

    def __init__(
        self,
        class_counts: Sequence[int],
        feature_dim: int = 512,
        scales: Sequence[int] = (512, 256, 128),
        projection_dim: int = 128,
        base_temperature: float = 0.07,
        form: Form = "log",
        weighting: Weighting = "balanced",
    ) -> None:
        super().__init__()
        if form not in get_args(Form):
            raise ValueError(f"form must be one of {list(get_args(Form))}, got {form!r}")
        if weighting not in get_args(Weighting):
            raise ValueError(f"weighting must be one of {list(get_args(Weighting))}, got {weighting!r}")
        check_class_counts(class_counts)
        if not scales or min(scales) < 1 or max(scales) > feature_dim:
            raise ValueError(f"scales must lie in 1..{feature_dim}, got {list(scales)}")
        if base_temperature <= 0:
            raise ValueError(f"base_temperature must be positive, got {base_temperature}")
        self.form = form
        self.weighting: Weighting = weighting
        self.scales = tuple(scales)
        self.projections = nn.ModuleList(nn.Linear(scale, projection_dim) for scale in scales)
        self.register_buffer("class_counts_K", torch.tensor(list(class_counts)), persistent=False)
        self.temperature = float(temperature(self.class_counts_K, base_temperature))

    def forward(self, features_BC: Tensor, logits_BK: Tensor, labels_B: Tensor) -> Tensor:
        """Computes the loss of each scale, in float32 under autocast: similarities are divided by a small temperature.

        Args:
            features_BC: X', shape (B, C).
            logits_BK: The classifier's scores, shape (B, K).
            labels_B: Classes, shape (B,).

        Returns:
            L_c of each scale, shape (S,).
        """
        weights_B = category_weights(logits_BK, labels_B, self.class_counts_K, self.weighting)
        anchor_index_B, is_self_BN, is_positive_BN = pairs(labels_B)
        all_features_NC = gather(features_BC)

        losses = []
        with torch.autocast(features_BC.device.type, enabled=False):
            for scale, projection in zip(self.scales, self.projections, strict=True):
                keys_ND = projection(F.adaptive_avg_pool1d(all_features_NC, scale))  # equation (8)
                similarity_BN = similarity(keys_ND[anchor_index_B], keys_ND, self.temperature)
                if self.form == "printed":
                    losses.append(printed_contrast(similarity_BN, is_positive_BN, weights_B))
                else:
                    losses.append(log_contrast(similarity_BN, is_positive_BN, is_self_BN, weights_B))
        return torch.stack(losses)
