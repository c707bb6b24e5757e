"""Logit adjustment, and balanced softmax, which is the case tau = 1."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from micacl.losses.class_counts import check_class_counts


class LogitAdjustedLoss(nn.Module):
    """Cross-entropy of logits that are raised by the frequency of their classes, with the same call as MCCLLoss.

    Softmax cross-entropy of x + tau log pi, where pi are the classes' shares of the training clips. In training that
    raises the logits of frequent classes, so that rare ones need a larger margin; in tests nothing is added.
    Source: Menon et al., "Long-Tail Learning via Logit Adjustment", ICLR 2021, equation (10). With tau = 1 it is the
    balanced softmax of Ren et al., "Balanced Meta-Softmax for Long-Tailed Visual Recognition", NeurIPS 2020,
    equation (3), whose n_c differ from pi by a factor that the softmax cancels.

    Args:
        class_counts: n_c, training clips of each class in the current fold, all positive.
        tau: The factor of the prior; 0 is cross-entropy.
        label_smoothing: The share of the target that is spread over all classes.

    Raises:
        ValueError: If an argument is outside its range.
    """

    prior_K: Tensor

    def __init__(self, class_counts: Sequence[int], tau: float = 1.0, label_smoothing: float = 0.1) -> None:
        super().__init__()
        check_class_counts(class_counts)
        if not 0 <= tau < float("inf"):
            raise ValueError(f"tau must be 0 or more, got {tau}")
        self.label_smoothing = label_smoothing
        counts_K = torch.tensor(list(class_counts), dtype=torch.float64)
        self.register_buffer("prior_K", tau * torch.log(counts_K / counts_K.sum()), persistent=False)

    def forward(
        self, logits_BK: Tensor, features_BC: Tensor, labels_B: Tensor, classifier: Callable[[Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """Returns the terms "logit_adjusted" and "total", both 0-d float32 under autocast."""
        with torch.autocast(logits_BK.device.type, enabled=False):
            adjusted_BK = logits_BK + self.prior_K.to(logits_BK.dtype)
            loss = F.cross_entropy(adjusted_BK, labels_B, label_smoothing=self.label_smoothing)
        return {"logit_adjusted": loss, "total": loss}
