"""A network that trains in a moment, for ``model.name=small``: MICACL on a backbone of 25,000 parameters.

Each process that is to know it registers it: ``NETWORKS["small"] = small_network()``.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from micacl.build.network import NetworkKind, micacl_arguments, start_micacl
from micacl.models import MICACL, Backbone


class SmallBackbone(nn.Module):
    """Has the features of R3D-18 for a thousandth of its work."""

    feature_dim = 512

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(48, self.feature_dim)
        self.starts_with_motion = False

    def start_with_motion(self) -> None:
        """Remembers that it was called."""
        self.starts_with_motion = True

    def forward(self, instances_NCLHW: Tensor) -> Tensor:
        features_NC: Tensor = self.project(nn.functional.adaptive_avg_pool3d(instances_NCLHW, (1, 4, 4)).flatten(1))
        return features_NC


def small_network(backbone: Callable[[], Backbone] = SmallBackbone) -> NetworkKind[MICACL]:
    """MICACL, with its own options, on another backbone."""

    def network(num_classes: int, **arguments: Any) -> MICACL:
        return MICACL(num_classes, **arguments, backbone=backbone())

    return NetworkKind(network, micacl_arguments, start_micacl)
