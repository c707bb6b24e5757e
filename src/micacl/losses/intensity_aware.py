"""Computes the intensity-aware loss of L_CET, the classification enhancement term."""

import torch.nn.functional as F
from torch import Tensor


def intensity_aware_loss(logits_BK: Tensor, labels_B: Tensor) -> Tensor:
    """Separates the target class from the one it is most confused with.

    -log P with P = exp(x_t) / (exp(x_t) + exp(x_max)), x_max the largest logit other than the target's.
    Source: Li et al., "Intensity-Aware Loss for Dynamic Facial Expression Recognition in the Wild", AAAI 2023.

    Args:
        logits_BK: Scores of the classes, shape (B, K), K at least 2.
        labels_B: Classes, shape (B,).

    Returns:
        The mean over the batch, 0-d.
    """
    target_B = logits_BK.gather(1, labels_B[:, None]).squeeze(1)
    is_target_BK = F.one_hot(labels_B, logits_BK.shape[1]).bool()
    confused_B = logits_BK.masked_fill(is_target_BK, float("-inf")).amax(dim=-1)
    return F.softplus(confused_B - target_B).mean()
