"""The network, in pure PyTorch.

>>> import torch
>>> from micacl.models import MICACL
>>> network = MICACL(num_classes=7).eval()
>>> logits, features = network(torch.rand(2, 3, 16, 32, 32))
>>> logits.shape, features.shape
(torch.Size([2, 7]), torch.Size([2, 512]))

Where each equation of the paper is computed (the others are in :mod:`micacl.losses`):

======== ============================================================ =======================
equation computed by                                                  file
======== ============================================================ =======================
(1)      :meth:`GEIIM.adjacency`, the graph A                         ``geiim.py``
(2)      :meth:`GEIIM.forward`, H                                     ``geiim.py``
(3)      ``WIAN._steps``, the dynamic weight gate d_t                 ``wian.py``
(4)      ``WIAN._steps``, the importance w_t of the features          ``wian.py``
(5)      ``WIAN._steps``, the cell state c_t                          ``wian.py``
(6)      ``WIAN._steps``, the hidden state h_t                        ``wian.py``
Figure 2 :class:`MICACL`, the parts in their order                    ``micacl.py``
III-B    :class:`InstanceAttention`, the multi-head self-attention    ``attention.py``
IV-A     :class:`R3DBackbone`, X                                      ``backbone.py``
IV-C     :class:`InstanceAggregation`, the Conv1D that gives X'       ``attention.py``
======== ============================================================ =======================
"""

from micacl.models.attention import InstanceAggregation, InstanceAttention
from micacl.models.backbone import Backbone, R3DBackbone, StartsWithMotion
from micacl.models.geiim import GEIIM
from micacl.models.micacl import MICACL
from micacl.models.network import HasAdjacency, HasInstanceWeights, Network, NetworkOutput
from micacl.models.wian import WIAN

__all__ = [
    "GEIIM",
    "MICACL",
    "WIAN",
    "Backbone",
    "HasAdjacency",
    "HasInstanceWeights",
    "InstanceAggregation",
    "InstanceAttention",
    "Network",
    "NetworkOutput",
    "R3DBackbone",
    "StartsWithMotion",
]
