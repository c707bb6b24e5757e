"""MCCL, the whole loss of MICACL: equation (13)."""

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from micacl.losses.contrastive import Form, MultiScaleContrastiveLoss, Weighting
from micacl.losses.feature_augmentation import feature_augmentation_loss
from micacl.losses.intensity_aware import intensity_aware_loss


class MCCLLoss(nn.Module):
    """L_all = L_MC + L_CET, equation (13).

    L_CET, whose details are in an appendix that is not available, is built from what the body says: cross-entropy +
    ``intensity_weight`` times the intensity-aware loss + ``augmentation_weight`` times the feature-augmentation
    regulariser.

    Args:
        class_counts: n_c, training clips of each class in the current fold.
        feature_dim: C.
        scales: The sizes that X' is pooled to.
        projection_dim: The size of the projected features.
        base_temperature: Tau0 of equation (10).
        form: "log" or "printed", equation (11).
        weighting: "balanced" or "printed", equation (7).
        contrastive_weight: The factor of L_MC; 1 in equation (13), see docs/fidelity.md.
        label_smoothing: The share of the cross-entropy's target that is spread over all classes.
        intensity_weight: The factor of the intensity-aware loss.
        augmentation_weight: The factor of the feature-augmentation regulariser.
        noise_scale: The standard deviation of the regulariser's noise, in deviations of each feature.

    Raises:
        ValueError: If an argument of the contrastive term is outside its range.
    """

    def __init__(
        self,
        class_counts: Sequence[int],
        feature_dim: int = 512,
        scales: Sequence[int] = (512, 256, 128),
        projection_dim: int = 128,
        base_temperature: float = 0.07,
        form: Form = "log",
        weighting: Weighting = "balanced",
        contrastive_weight: float = 0.1,
        label_smoothing: float = 0.1,
        intensity_weight: float = 0.1,
        augmentation_weight: float = 0.1,
        noise_scale: float = 0.5,
    ) -> None:
        super().__init__()
        self.contrastive = MultiScaleContrastiveLoss(
            class_counts, feature_dim, scales, projection_dim, base_temperature, form, weighting
        )
        self.contrastive_weight = contrastive_weight
        self.label_smoothing = label_smoothing
        self.intensity_weight = intensity_weight
        self.augmentation_weight = augmentation_weight
        self.noise_scale = noise_scale

    def figures(self) -> dict[str, float]:
        """Returns what training should record of the loss: the temperature of equation (10)."""
        return {"mccl/temperature": self.contrastive.temperature}

    def forward(
        self, logits_BK: Tensor, features_BC: Tensor, labels_B: Tensor, classifier: Callable[[Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """Computes the loss term by term, in float32 even under autocast.

        Args:
            logits_BK: The classifier's scores, shape (B, K).
            features_BC: X', shape (B, C).
            labels_B: Classes, shape (B,).
            classifier: Maps features (B, C) to logits (B, K).

        Returns:
            The unweighted terms "cross_entropy", "intensity_aware", "feature_augmentation", "contrastive" (L_MC) and
            "contrastive_scale_<s>", and the weighted sum "total" (L_all), all 0-d.
        """
        per_scale_S = self.contrastive(features_BC, logits_BK, labels_B)
        terms = {
            "cross_entropy": F.cross_entropy(logits_BK, labels_B, label_smoothing=self.label_smoothing),
            "intensity_aware": intensity_aware_loss(logits_BK, labels_B),
            "feature_augmentation": feature_augmentation_loss(features_BC, logits_BK, classifier, self.noise_scale),
            "contrastive": per_scale_S.mean(),  # equation (12)
        }
        total = (
            terms["cross_entropy"]
            + self.intensity_weight * terms["intensity_aware"]
            + self.augmentation_weight * terms["feature_augmentation"]
            + self.contrastive_weight * terms["contrastive"]
        )
        scales = zip(self.contrastive.scales, per_scale_S, strict=True)
        return terms | {f"contrastive_scale_{scale}": loss for scale, loss in scales} | {"total": total}
