"""Builds Lightning's trainer and the optimizer's settings from the settings of a run."""

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import torch
from lightning import Callback, Trainer
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.strategies import ParallelStrategy
from omegaconf import OmegaConf

from micacl import __version__
from micacl.build.network import network_arguments
from micacl.errors import UserError
from micacl.process.scheduler import launched_by_srun, launched_by_torchrun, launcher_rank
from micacl.process.setup import quieten_libraries
from micacl.settings import Settings
from micacl.training.checkpoints.writing import DurableCheckpointIO
from micacl.training.module import Optimization
from micacl.training.precision import fastest_precision


def build_optimization(settings: Settings) -> Optimization:
    """Takes AdamW and its schedule from the settings."""
    return Optimization(**{field.name: getattr(settings.training, field.name) for field in fields(Optimization)})


def build_trainer(settings: Settings, folder: Path, callbacks: list[Callback]) -> Trainer:
    """Builds Lightning's trainer on the configured devices.

    Raises:
        UserError: If this machine has no such devices.
    """
    if settings.trainer.num_nodes > 1 and launcher_rank() is None:
        raise UserError(
            f"trainer.num_nodes={settings.trainer.num_nodes} machines train together only where srun or torchrun "
            "starts a process for each device; docs/scaling.md has the commands"
        )
    return _trainer(settings, folder, callbacks)


def ranks_to_start(settings: Settings) -> int:
    """Counts the processes that this one has to start for a run, one per device; 0 where it trains itself."""
    quieten_libraries()
    try:
        trainer = build_trainer(settings, Path(), [])
    except UserError:
        return 0  # the run says what is wrong, and records it
    if not isinstance(trainer.strategy, ParallelStrategy) or launcher_rank() is not None:
        return 0
    return trainer.num_devices


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
            num_nodes=trainer.num_nodes,
            strategy=trainer.strategy,
            precision=cast(Any, precision),
            max_epochs=settings.training.epochs,
            sync_batchnorm=on_cuda,  # on the CPU, GlobalBatchNorm3d
            use_distributed_sampler=False,  # the data module brings its own
            callbacks=callbacks,
            plugins=[DurableCheckpointIO(_about_network(settings)), _cluster_environment()],
            logger=False,  # EpochTable keeps what is logged
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_progress_bar=any(isinstance(callback, ProgressBar) for callback in callbacks),
        )
    except (MisconfigurationException, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"trainer: {error}") from error


def _about_network(settings: Settings) -> dict[str, str]:
    """Describes the network for ``best.safetensors``: how to build it, and which run it is from; no paths."""
    config_yaml = OmegaConf.to_yaml(OmegaConf.structured(settings))
    return {
        "micacl": __version__,
        "network": json.dumps(network_arguments(settings)),
        "dataset": settings.dataset.name,
        "size": str(settings.dataset.size),
        "fold": str(settings.fold),
        "seed": str(settings.seed),
        "config_sha256": hashlib.sha256(config_yaml.encode()).hexdigest(),
    }


def _cluster_environment() -> ClusterEnvironment:
    """Chooses explicitly: Lightning mistakes a single Slurm task for one of several, and handles signals itself."""
    if launched_by_torchrun():
        return TorchElasticEnvironment()
    if launched_by_srun():
        return SLURMEnvironment(auto_requeue=False)
    return LightningEnvironment()


def device_name(device: torch.device) -> str:
    """Names the device as a reader knows it: the GPU's name, or the number of CPU threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"
