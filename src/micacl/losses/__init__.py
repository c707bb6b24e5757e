"""The losses, in pure PyTorch.

>>> import torch
>>> from micacl.losses import MCCLLoss
>>> loss = MCCLLoss(class_counts=[50, 20, 5])
>>> head = torch.nn.Linear(512, 3)
>>> features, labels = torch.randn(8, 512), torch.tensor([0, 0, 0, 0, 1, 1, 2, 2])
>>> sorted(loss(head(features), features, labels, head))[:3]
['contrastive', 'contrastive_scale_128', 'contrastive_scale_256']

Where each equation of the paper is computed (the others are in :mod:`micacl.models`):

======== ============================================================== ===========================
equation computed by                                                    file
======== ============================================================== ===========================
(7)      :func:`category_weights`                                       ``contrastive.py``
(8)      :meth:`MultiScaleContrastiveLoss.forward`, the scales          ``contrastive.py``
(9)      :func:`similarity`                                             ``contrastive.py``
(10)     :func:`temperature`                                            ``contrastive.py``
(11)     ``printed_contrast`` as printed, ``log_contrast`` by default   ``contrastive.py``
(12)     :meth:`MCCLLoss.forward`, the mean over the scales             ``mccl.py``
(13)     :class:`MCCLLoss`                                              ``mccl.py``
L_CET    cross-entropy, :func:`intensity_aware_loss` and                ``intensity_aware.py``,
         :func:`feature_augmentation_loss`, summed by MCCLLoss          ``feature_augmentation.py``
======== ============================================================== ===========================
"""

from micacl.losses.class_balanced import ClassBalancedLoss
from micacl.losses.contrastive import MultiScaleContrastiveLoss, category_weights, similarity, temperature
from micacl.losses.cross_entropy import CrossEntropyLoss
from micacl.losses.feature_augmentation import feature_augmentation_loss
from micacl.losses.focal import FocalLoss
from micacl.losses.intensity_aware import intensity_aware_loss
from micacl.losses.logit_adjustment import LogitAdjustedLoss
from micacl.losses.mccl import MCCLLoss
from micacl.losses.supervised_contrastive import SupervisedContrastiveLoss

__all__ = [
    "ClassBalancedLoss",
    "CrossEntropyLoss",
    "FocalLoss",
    "LogitAdjustedLoss",
    "MCCLLoss",
    "MultiScaleContrastiveLoss",
    "SupervisedContrastiveLoss",
    "category_weights",
    "feature_augmentation_loss",
    "intensity_aware_loss",
    "similarity",
    "temperature",
]
