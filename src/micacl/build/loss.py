"""Builds the loss of a run from its settings.

A new loss touches four places: its module in losses/, an entry in ``_LOSSES`` below, the types of its own options in
settings.py (a group of ``LossSettings``, ``| None = None``), and conf/loss/<name>.yaml with their values. An option and
the argument of the constructor that it fills have the same name.
"""

import inspect
from collections.abc import Mapping, Sequence

from torch import nn

from micacl.build.checks import naming_options
from micacl.errors import UserError
from micacl.losses.class_balanced import ClassBalancedLoss
from micacl.losses.cross_entropy import CrossEntropyLoss
from micacl.losses.focal import FocalLoss
from micacl.losses.logit_adjustment import LogitAdjustedLoss
from micacl.losses.mccl import MCCLLoss
from micacl.losses.supervised_contrastive import SupervisedContrastiveLoss
from micacl.settings import LossSettings

# The class of each loss, and the group of options in LossSettings that it has alone.
_LOSSES: Mapping[str, tuple[type[nn.Module], str | None]] = {
    "mccl": (MCCLLoss, "contrastive"),
    "cross_entropy": (CrossEntropyLoss, None),
    "focal": (FocalLoss, "focal"),
    "class_balanced": (ClassBalancedLoss, "class_balanced"),
    "logit_adjustment": (LogitAdjustedLoss, "logit_adjustment"),
    "supervised_contrastive": (SupervisedContrastiveLoss, "supervised_contrastive"),
}


def uses_mccl(loss: LossSettings, mccl: bool) -> bool:
    """Tells whether a run trains with MCCL: it is the configured loss, and the ablation leaves it on."""
    return mccl and loss.name == "mccl"


def build_loss(loss: LossSettings, mccl: bool, class_counts: Sequence[int], feature_dim: int) -> nn.Module:
    """Builds the configured loss, or cross-entropy in place of MCCL if the ablation switches that off.

    Args:
        loss: The options of the loss.
        mccl: The ablation's switch.
        class_counts: Training clips of each class in the current fold.
        feature_dim: The width of the network's features.

    Raises:
        UserError: If there is no such loss, or one of its options is outside its range.
    """
    name = "cross_entropy" if loss.name == "mccl" and not mccl else loss.name
    if name not in _LOSSES:
        raise UserError(f"there is no loss {name!r}; choose loss.name among {', '.join(_LOSSES)}")
    kind, group = _LOSSES[name]
    values = {"class_counts": class_counts, "feature_dim": feature_dim, **vars(loss)}
    if group is not None:
        values |= vars(values[group])
    with naming_options("loss" if group is None else f"loss.{group}"):
        return kind(**{argument: values[argument] for argument in inspect.signature(kind).parameters})
