"""From settings to objects: the network and the trainer of a run."""

import hashlib
import json
from pathlib import Path
from typing import Any, cast

import torch
from lightning import Callback, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ProgressBar
from omegaconf import OmegaConf

from micacl import __version__
from micacl.errors import UserError
from micacl.job import Job
from micacl.models import MICACL
from micacl.settings import Settings
from micacl.training.checkpoint_io import DurableCheckpointIO
from micacl.training.module import Optimisation
from micacl.training.precision import fastest_precision
from micacl.training.pretrained import load_backbone_weights


def build_network(settings: Settings, num_classes: int) -> MICACL:
    """The network that the model and the ablation switches describe, with its pre-trained weights.

    Raises:
        UserError: If an option does not fit the others, or the weights cannot be had.
    """
    try:
        network = MICACL(num_classes, **_network_arguments(settings))
    except ValueError as error:
        raise UserError(f"model: {error}") from error
    if settings.model.backbone.weights is None:
        network.backbone.start_with_motion()
    else:
        load_backbone_weights(network.backbone, settings.model.backbone.weights)
    network = network.to(memory_format=torch.channels_last_3d)
    if settings.trainer.compile:
        network.compile()
    return network


def _network_arguments(settings: Settings) -> dict[str, Any]:
    model = settings.model
    return {
        "num_frames": model.num_frames,
        "instance_length": model.instance_length,
        "geiim": settings.ablation.geiim,
        "wian": settings.ablation.wian,
        "embedding_dim": model.geiim.embedding_dim,
        "kernels": model.geiim.kernels,
        "weight_scale": model.wian.weight_scale,
        "residual": model.wian.residual,
        "num_heads": model.attention.num_heads,
    }


def build_optimisation(settings: Settings) -> Optimisation:
    """AdamW and its schedule, as configured."""
    training = settings.training
    return Optimisation(
        learning_rate=training.learning_rate,
        min_learning_rate=training.min_learning_rate,
        weight_decay=training.weight_decay,
        warmup_epochs=training.warmup_epochs,
        gradient_clip_norm=training.gradient_clip_norm,
    )


def build_trainer(settings: Settings, job: Job, callbacks: list[Callback]) -> Trainer:
    """Lightning's trainer, on the configured devices.

    Raises:
        UserError: If this machine has no such devices, or a job of a sweep would run on several.
    """
    trainer = _trainer(settings, job.folder, callbacks)
    if job.sweep is not None and trainer.strategy.launcher is not None:
        # Lightning starts the other processes with this one's command line: each would begin the whole sweep.
        raise UserError(
            "a job of a sweep runs on one device; leave out -m, or set trainer.devices=1 trainer.strategy=auto"
        )
    return trainer


def _trainer(settings: Settings, folder: Path, callbacks: list[Callback]) -> Trainer:
    trainer = settings.trainer
    on_cuda = trainer.accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
    device_type = "cuda" if on_cuda else "cpu"
    precision = fastest_precision(device_type) if trainer.precision == "auto" else trainer.precision
    try:
        return Trainer(
            default_root_dir=folder,
            accelerator=trainer.accelerator,
            devices=trainer.devices,
            strategy=trainer.strategy,
            precision=cast(Any, precision),
            max_epochs=settings.training.epochs,
            sync_batchnorm=on_cuda,  # PyTorch has none for the CPU
            use_distributed_sampler=False,  # the data module brings its own
            callbacks=callbacks,
            plugins=[DurableCheckpointIO(_about_network(settings))],
            logger=False,  # EpochTable keeps what is logged
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in callbacks),
        )
    except (MisconfigurationException, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"trainer: {error}") from error


def _about_network(settings: Settings) -> dict[str, str]:
    """What a file of the network alone says of it: how to make it, and which run's it is; no paths of this machine."""
    config_yaml = OmegaConf.to_yaml(OmegaConf.structured(settings))
    return {
        "micacl": __version__,
        "network": json.dumps(_network_arguments(settings)),
        "dataset": settings.dataset.name,
        "size": str(settings.dataset.size),
        "fold": str(settings.fold),
        "seed": str(settings.seed),
        "config_sha256": hashlib.sha256(config_yaml.encode()).hexdigest(),
    }
