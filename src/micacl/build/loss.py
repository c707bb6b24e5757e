"""From settings to the loss of a run."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from torch import nn

from micacl.build.checks import naming_options
from micacl.errors import UserError
from micacl.losses import (
    ClassBalancedLoss,
    CrossEntropyLoss,
    FocalLoss,
    LogitAdjustedLoss,
    MCCLLoss,
    SupervisedContrastiveLoss,
)
from micacl.settings import LossSettings


def uses_mccl(loss: LossSettings, mccl: bool) -> bool:
    """Whether a run trains with MCCL: it is the configured loss, and the ablation leaves it on."""
    return mccl and loss.name == "mccl"


def build_loss(loss: LossSettings, mccl: bool, class_counts: Sequence[int]) -> nn.Module:
    """The configured loss, or cross-entropy in place of MCCL where the ablation switches that off.

    Raises:
        UserError: If there is no such loss, or one of its options is outside its range.
    """
    name = "cross_entropy" if loss.name == "mccl" and not mccl else loss.name
    if name not in _BUILDERS:
        raise UserError(f"there is no loss {name!r}; choose loss.name among {', '.join(_BUILDERS)}")
    options, build = _BUILDERS[name]
    with naming_options(options):
        return build(loss, class_counts)


def _mccl(loss: LossSettings, class_counts: Sequence[int]) -> nn.Module:
    return MCCLLoss(
        class_counts,
        scales=loss.contrastive.scales,
        projection_dim=loss.contrastive.projection_dim,
        base_temperature=loss.contrastive.base_temperature,
        form=cast(Any, loss.contrastive.form),
        weighting=cast(Any, loss.contrastive.weighting),
        contrastive_weight=loss.contrastive_weight,
        label_smoothing=loss.label_smoothing,
        intensity_weight=loss.intensity_weight,
        augmentation_weight=loss.augmentation_weight,
        noise_scale=loss.noise_scale,
    )


def _cross_entropy(loss: LossSettings, class_counts: Sequence[int]) -> nn.Module:  # noqa: ARG001  as all builders
    return CrossEntropyLoss(loss.label_smoothing)


def _focal(loss: LossSettings, class_counts: Sequence[int]) -> nn.Module:  # noqa: ARG001  as all builders
    return FocalLoss(loss.focal.gamma)


def _class_balanced(loss: LossSettings, class_counts: Sequence[int]) -> nn.Module:
    return ClassBalancedLoss(class_counts, loss.class_balanced.beta, loss.label_smoothing)


def _logit_adjustment(loss: LossSettings, class_counts: Sequence[int]) -> nn.Module:
    return LogitAdjustedLoss(class_counts, loss.logit_adjustment.tau, loss.label_smoothing)


def _supervised_contrastive(loss: LossSettings, class_counts: Sequence[int]) -> nn.Module:  # noqa: ARG001
    return SupervisedContrastiveLoss(
        projection_dim=loss.supervised_contrastive.projection_dim,
        temperature=loss.supervised_contrastive.temperature,
        contrastive_weight=loss.contrastive_weight,
        label_smoothing=loss.label_smoothing,
    )


# Name of a loss: its options and what builds it.
_BUILDERS: Mapping[str, tuple[str, Callable[[LossSettings, Sequence[int]], nn.Module]]] = {
    "mccl": ("loss.contrastive", _mccl),
    "cross_entropy": ("loss", _cross_entropy),
    "focal": ("loss.focal", _focal),
    "class_balanced": ("loss.class_balanced", _class_balanced),
    "logit_adjustment": ("loss.logit_adjustment", _logit_adjustment),
    "supervised_contrastive": ("loss.supervised_contrastive", _supervised_contrastive),
}
