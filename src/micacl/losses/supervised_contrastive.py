"""Cross-entropy with supervised contrastive learning, without regard to the classes' frequencies.

Shapes: B clips of this process, N clips of the global batch, C features, D projected features, K classes.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from micacl.losses.contrastive import log_contrast, pairs, similarity
from micacl.losses.gather import gather


class SupervisedContrastiveLoss(nn.Module):
    """Cross-entropy + a weight times the supervised contrastive loss, with the same call as MCCLLoss.

    This is MCCL's contrastive term without scales, category weights and a temperature that depends on the classes.
    It is trained together with the classifier; the source trains one after the other.
    Source: Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, equation (2), with its two-layer projection.

    Args:
        feature_dim: C.
        projection_dim: D, the size of the projected features.
        temperature: The divisor of the similarities (0.1 in the source).
        contrastive_weight: The factor of the contrastive term.
        label_smoothing: The share of the cross-entropy's target that is spread over all classes.

    Raises:
        ValueError: If ``temperature`` is not positive.
    """

    def __init__(
        self,
        feature_dim: int = 512,
        projection_dim: int = 128,
        temperature: float = 0.1,
        contrastive_weight: float = 1.0,
        label_smoothing: float = 0.1,
    ) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got {temperature}")
        self.temperature = temperature
        self.contrastive_weight = contrastive_weight
        self.label_smoothing = label_smoothing
        self.projection = nn.Sequential(
            nn.Linear(feature_dim, feature_dim), nn.ReLU(), nn.Linear(feature_dim, projection_dim)
        )

    def forward(
        self, logits_BK: Tensor, features_BC: Tensor, labels_B: Tensor, classifier: Callable[[Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """Returns the unweighted terms "cross_entropy" and "contrastive", and "total", 0-d float32 under autocast.

        An anchor without positives contributes 0 and is counted in the mean.
        """
        with torch.autocast(logits_BK.device.type, enabled=False):
            compared = pairs(labels_B)
            keys_ND = self.projection(gather(features_BC))
            similarity_BN = similarity(keys_ND[compared.anchor_index_B], keys_ND, self.temperature)
            equal_B = torch.ones(len(labels_B), dtype=logits_BK.dtype, device=logits_BK.device)
            contrastive = log_contrast(similarity_BN, compared.is_positive_BN, compared.is_self_BN, equal_B)
            cross_entropy = F.cross_entropy(logits_BK, labels_B, label_smoothing=self.label_smoothing)
        total = cross_entropy + self.contrastive_weight * contrastive
        return {"cross_entropy": cross_entropy, "contrastive": contrastive, "total": total}
