"""Cross-entropy, the loss of the ablation's settings a to c."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CrossEntropyLoss(nn.Module):
    """Cross-entropy with label smoothing, with the same call as :class:`micacl.losses.MCCLLoss`.

    Args:
        label_smoothing: The share of the target that is spread over all classes (0.1 as in M3DFEL; not stated).
    """

    def __init__(self, label_smoothing: float = 0.1) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(
        self,
        logits_BK: Tensor,
        features_BC: Tensor,
        labels_B: Tensor,
        classifier: Callable[[Tensor], Tensor],
    ) -> dict[str, Tensor]:
        """Returns the terms "cross_entropy" and "total", both 0-d float32 under autocast."""
        with torch.autocast(logits_BK.device.type, enabled=False):
            loss = F.cross_entropy(logits_BK, labels_B, label_smoothing=self.label_smoothing)
        return {"cross_entropy": loss, "total": loss}
