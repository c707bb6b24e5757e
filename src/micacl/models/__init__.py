"""The network, in pure PyTorch.

>>> import torch
>>> from micacl.models import MICACL
>>> network = MICACL(num_classes=7).eval()
>>> logits, features = network(torch.rand(2, 3, 16, 32, 32))
>>> logits.shape, features.shape
(torch.Size([2, 7]), torch.Size([2, 512]))
"""

from micacl.models.attention import InstanceAggregation, InstanceAttention
from micacl.models.backbone import FEATURE_DIM, R3DBackbone
from micacl.models.geiim import GEIIM
from micacl.models.micacl import MICACL, MICACLOutput
from micacl.models.wian import WIAN

__all__ = [
    "FEATURE_DIM",
    "GEIIM",
    "MICACL",
    "WIAN",
    "InstanceAggregation",
    "InstanceAttention",
    "MICACLOutput",
    "R3DBackbone",
]
