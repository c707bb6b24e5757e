"""Focal loss: cross-entropy in which easy clips count less."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FocalLoss(nn.Module):
    """Cross-entropy that gives less weight to clips that are recognised well, with the same call as MCCLLoss.

    -(1 - p_t)^gamma log p_t, p_t the probability of the clip's own class. Without class weights and label smoothing,
    which the source does not combine with it for a softmax.
    Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, equation (4).

    Args:
        gamma: How fast the loss of easy clips fades; 0 is cross-entropy.

    Raises:
        ValueError: If ``gamma`` is negative.
    """

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        if not 0 <= gamma < float("inf"):
            raise ValueError(f"gamma must be 0 or more, got {gamma}")
        self.gamma = gamma

    def forward(
        self, logits_BK: Tensor, features_BC: Tensor, labels_B: Tensor, classifier: Callable[[Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """Returns the terms "focal" and "total", both 0-d float32 under autocast."""
        with torch.autocast(logits_BK.device.type, enabled=False):
            log_probability_B = -F.cross_entropy(logits_BK, labels_B, reduction="none")
            # expm1 keeps digits where p_t is close to 1, and the clamp the gradient of a power below 1 finite there.
            difficulty_B = -torch.expm1(log_probability_B)
            difficulty_B = difficulty_B.clamp(min=torch.finfo(difficulty_B.dtype).eps)
            loss = -(difficulty_B**self.gamma * log_probability_B).mean()
        return {"focal": loss, "total": loss}
