"""Cross-entropy weighted by the effective number of clips of a class."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from micacl.losses.class_counts import check_class_counts


def effective_number_weights(class_counts: Sequence[int], beta: float) -> Tensor:
    """Computes weights (1 - beta) / (1 - beta^n_c), scaled to a mean of 1 over the classes, shape (K,), float64.

    With a beta of 0 all classes weigh the same; close to 1 they weigh as 1 / n_c.
    """
    counts_K = torch.tensor(list(class_counts), dtype=torch.float64)
    weight_K = (1 - beta) / (1 - beta**counts_K)
    return weight_K / weight_K.mean()


class ClassBalancedLoss(nn.Module):
    """Class-balanced cross-entropy, with the same call as MCCLLoss.

    Source: Cui et al., "Class-Balanced Loss Based on Effective Number of Samples", CVPR 2019, equation (11) with the
    softmax of section 4.1.

    Args:
        class_counts: n_c, training clips of each class in the current fold, all positive.
        beta: (N - 1) / N, in [0, 1), if each class is assumed to have N prototypes.
        label_smoothing: The share of the target that is spread over all classes.

    Raises:
        ValueError: If an argument is outside its range.
    """

    weight_K: Tensor

    def __init__(self, class_counts: Sequence[int], beta: float = 0.999, label_smoothing: float = 0.1) -> None:
        super().__init__()
        check_class_counts(class_counts)
        if not 0 <= beta < 1:
            raise ValueError(f"beta must be 0 or more and below 1, got {beta}")
        self.label_smoothing = label_smoothing
        self.register_buffer("weight_K", effective_number_weights(class_counts, beta), persistent=False)

    def forward(
        self, logits_BK: Tensor, features_BC: Tensor, labels_B: Tensor, classifier: Callable[[Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """Returns the terms "class_balanced" and "total", both 0-d float32 under autocast.

        The sum is divided by the number of clips, not by the sum of their weights, which would cancel the weights in a
        batch of one class.
        """
        with torch.autocast(logits_BK.device.type, enabled=False):
            loss_B = F.cross_entropy(logits_BK, labels_B, reduction="none", label_smoothing=self.label_smoothing)
            loss = (self.weight_K[labels_B].to(loss_B.dtype) * loss_B).mean()
        return {"class_balanced": loss, "total": loss}
