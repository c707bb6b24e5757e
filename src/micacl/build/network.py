"""From settings to objects: the network and the trainer of a run."""

from typing import Any

import torch

from micacl.build.checks import naming_options
from micacl.models import MICACL
from micacl.settings import Settings
from micacl.training.batch_norm import normalize_over_ranks
from micacl.training.pretrained import load_backbone_weights


def build_network(settings: Settings, num_classes: int) -> MICACL:
    """The network that the model and the ablation switches describe, with its pre-trained weights.

    Raises:
        UserError: If an option does not fit the others, or the weights cannot be had.
    """
    with naming_options("model"):
        network = MICACL(num_classes, **network_arguments(settings))
    if settings.model.backbone.weights is None:
        network.backbone.start_with_motion()
    else:
        load_backbone_weights(network.backbone, settings.model.backbone.weights)
    normalize_over_ranks(network)
    network = network.to(memory_format=torch.channels_last_3d)
    if settings.trainer.compile:
        network.compile()
    return network


def network_arguments(settings: Settings) -> dict[str, Any]:
    model = settings.model
    return {
        "num_frames": model.num_frames,
        "instance_length": model.instance_length,
        "geiim": settings.ablation.geiim,
        "wian": settings.ablation.wian,
        "embedding_dim": model.geiim.embedding_dim,
        "initial_alpha": model.geiim.initial_alpha,
        "kernels": model.geiim.kernels,
        "weight_scale": model.wian.weight_scale,
        "residual": model.wian.residual,
        "num_heads": model.attention.num_heads,
    }
