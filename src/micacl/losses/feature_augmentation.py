"""Computes the feature-augmentation regulariser of L_CET, the classification enhancement term."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from micacl.losses.gather import gather, normal_noise


def feature_augmentation_loss(
    features_BC: Tensor,
    logits_BK: Tensor,
    classifier: Callable[[Tensor], Tensor],
    noise_scale: float,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Penalises a classifier whose answer changes when the features are perturbed.

    The noise is Gaussian, scaled by the deviation of each feature over the (global) batch. The paper names "feature
    augmentation regularization" and leaves its form to an appendix that is not available; see docs/fidelity.md.

    Args:
        features_BC: X', shape (B, C).
        logits_BK: The classifier's scores of X', shape (B, K).
        classifier: Maps features (B, C) to logits (B, K).
        noise_scale: The standard deviation of the noise, in deviations of the feature.
        generator: The source of the noise; None for PyTorch's own.

    Returns:
        The KL divergence of the perturbed prediction from the clean, detached one, mean over the batch, 0-d.
    """
    deviation_C = gather(features_BC.detach()).std(dim=0, correction=0)
    noise_BC = normal_noise(features_BC, generator)
    with torch.autocast(features_BC.device.type, enabled=False):  # a bfloat16 answer would differ by its rounding
        perturbed_logits_BK = classifier(features_BC + noise_scale * deviation_C * noise_BC)
    clean_BK = F.log_softmax(logits_BK.detach(), dim=-1)
    perturbed_BK = F.log_softmax(perturbed_logits_BK, dim=-1)
    return F.kl_div(perturbed_BK, clean_BK, reduction="batchmean", log_target=True)
