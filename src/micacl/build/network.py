"""Builds the network of a run from its settings.

A new network touches its module in models/, an entry in ``NETWORKS`` below, its typed options in settings.py if it
has new ones, and conf/model/<name>.yaml.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

from micacl.build.checks import naming_options
from micacl.errors import UserError
from micacl.models import MICACL, Network, StartsWithMotion
from micacl.settings import AblationSettings, ModelSettings, Settings
from micacl.training.batch_norm import normalize_over_ranks
from micacl.training.pretrained import load_backbone_weights

N = TypeVar("N", bound=Network)


@dataclass(frozen=True)
class NetworkKind(Generic[N]):
    """A network that ``model.name`` can choose.

    Attributes:
        network: What makes it: called with the number of classes and the arguments.
        arguments: Takes the constructor's arguments, plain values, from the settings. ``best.safetensors`` has them.
        start: Fills a new network with the pre-trained weights that ``model.backbone.weights`` names; None stands for
            training from scratch.
    """

    network: Callable[..., N]
    arguments: Callable[[ModelSettings, AblationSettings], dict[str, Any]]
    start: Callable[[N, str | None], None]


def build_network(settings: Settings, num_classes: int) -> Network:
    """Builds the network that the model and the ablation switches describe, with its pre-trained weights.

    Raises:
        UserError: If there is no such network, an option does not fit the others, or the weights cannot be loaded.
    """
    kind = _kind(settings)
    with naming_options("model"):
        network = kind.network(num_classes, **network_arguments(settings))
    kind.start(network, settings.model.backbone.weights)
    normalize_over_ranks(network)
    if settings.trainer.compile:
        network.compile()
    return network


def network_arguments(settings: Settings) -> dict[str, Any]:
    """Takes the arguments of the network's constructor, without the number of classes, from the settings."""
    return _kind(settings).arguments(settings.model, settings.ablation)


def _kind(settings: Settings) -> NetworkKind[Any]:
    name = settings.model.name
    if name not in NETWORKS:
        raise UserError(f"there is no network {name!r}; choose model.name among {', '.join(NETWORKS)}")
    return NETWORKS[name]


def micacl_arguments(model: ModelSettings, ablation: AblationSettings) -> dict[str, Any]:
    """Takes the arguments of MICACL's constructor from the settings."""
    return {
        "num_frames": model.num_frames,
        "instance_length": model.instance_length,
        "geiim": ablation.geiim,
        "wian": ablation.wian,
        **vars(model.geiim),
        **vars(model.wian),
        **vars(model.attention),
    }


def start_micacl(network: MICACL, weights: str | None) -> None:
    """Loads the backbone's pre-trained weights, or has a backbone that can do so start with motion.

    Raises:
        UserError: If there are no such weights, or they do not fit.
    """
    if weights is not None:
        load_backbone_weights(network.backbone, weights)
    elif isinstance(network.backbone, StartsWithMotion):
        network.backbone.start_with_motion()
    network.to(memory_format=torch.channels_last_3d)


NETWORKS: dict[str, NetworkKind[Any]] = {
    "micacl": NetworkKind(MICACL, micacl_arguments, start_micacl),
}
