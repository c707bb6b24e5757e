"""Tests a checkpoint on one fold of a data set, and leaves a folder like that of a run."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from lightning import Trainer
from omegaconf import OmegaConf
from rich.console import Console
from torch import nn

from micacl.build.checks import check_checkpoint, check_options
from micacl.build.data import build_data
from micacl.build.network import build_network
from micacl.build.trainer import build_optimization, build_trainer, device_name
from micacl.data.datamodule import ClipDataModule
from micacl.errors import UserError
from micacl.losses import CrossEntropyLoss
from micacl.models.costs import latency, multiply_adds, num_parameters
from micacl.process.setup import is_first_process, prepare_process
from micacl.reporting.one_run.costs import costs_table
from micacl.run.job import Job
from micacl.run.origin import CheckpointOrigin, checkpoint_origin, settings_to_evaluate
from micacl.run.outcome import about_run, failures_recorded, record_data, show_results, write_results
from micacl.run_folder.record import RunRecord
from micacl.settings import Settings
from micacl.training.checkpoints.reading import check_classes, load_network, read_checkpoint
from micacl.training.checkpoints.tensors import BEST
from micacl.training.module import ExpressionModule

log = logging.getLogger(__name__)

REPEATS = 20


def evaluate(settings: Settings, job: Job) -> None:
    """Tests the checkpoint ``settings.ckpt_path`` and leaves everything in the job's folder.

    Raises:
        UserError: If there is no such checkpoint, or it does not fit the options, the data set or the machine.
    """
    prepare_process()
    about = about_run(settings, job) | {"protocol": "checkpoint"}
    record = RunRecord(job.folder, about, job.config_yaml, active=is_first_process())
    with failures_recorded(record):
        _evaluate(settings, job, record)
    if is_first_process():
        Console().print(costs_table(job.folder))
        show_results(job.folder)


def _evaluate(settings: Settings, job: Job, record: RunRecord) -> None:
    check_checkpoint(settings)
    assert settings.ckpt_path is not None  # it has just been checked
    if settings.logger.name != "none":
        raise UserError("micacl.evaluate writes its folder alone; leave out logger=")
    path = Path(settings.ckpt_path)
    checkpoint = read_checkpoint(path)
    origin = checkpoint_origin(path)
    if origin is None:
        log.info(f"{path} lies in no run folder: the options of the command line describe its network")
    else:
        settings, job = settings_to_evaluate(settings, job.given, origin), _job(job, origin)
    settings.model.backbone.weights = None  # the checkpoint brings its own
    check_options(settings)
    record.write_config(OmegaConf.to_yaml(OmegaConf.structured(settings)))
    record.update(
        **about_run(settings, job)
        | {
            "protocol": f"checkpoint of {path.name if origin is None else origin.name}",
            "checkpoint": _record_of(path, checkpoint, origin),
        }
    )
    data = build_data(settings)
    check_classes(path, checkpoint["class_names"], data.class_names)
    record_data(settings, data, record)
    # Of the clips that the network has learned from, not of those that lie beside the tested ones.
    record.update(class_counts=None if origin is None or origin.record is None else origin.record.class_counts)
    _warn_of_seen_clips(settings, origin)
    # Nothing is learned: any loss and any optimizer will do.
    network, loss = build_network(settings, len(data.class_names)), CrossEntropyLoss()
    module = ExpressionModule(network, loss, data.class_names, build_optimization(settings), "test")
    load_network(path, checkpoint, module.network)
    _test(module, data, settings, record, _headline(path, checkpoint, origin))


def _test(module: ExpressionModule, data: ClipDataModule, settings: Settings, record: RunRecord, headline: str) -> None:
    trainer = build_trainer(settings, record.folder, callbacks=[])
    record.update(device=device_name(trainer.strategy.root_device), precision=str(trainer.precision))
    trainer.test(module, data, verbose=False)
    if trainer.is_global_zero:
        record.update(costs=_costs(module.network, settings, trainer))
        write_results(module, data, record, headline, epochs=[])


def _job(job: Job, origin: CheckpointOrigin) -> Job:
    """Names the setting: that of the original run and the overrides given here."""
    parts = [] if origin.record is None else [origin.record.setting]
    distinctive = [part for part in (*parts, job.setting) if part != "default"]
    return replace(job, setting=" ".join(distinctive) or "default")


def _headline(path: Path, checkpoint: dict[str, Any], origin: CheckpointOrigin | None) -> str:
    headline = f"epoch {checkpoint['epoch'] + 1}, kept in {path.name}"
    if origin is None or path.name != BEST:
        return headline
    part = "validation part" if origin.config.get("protocol.validation_fraction") else "test split"
    return f"{headline}, chosen by UAR on the {part}"


def _record_of(path: Path, checkpoint: dict[str, Any], origin: CheckpointOrigin | None) -> dict[str, Any]:
    return {
        "path": str(path),
        "epoch": checkpoint["epoch"] + 1,
        "dataset": None if origin is None else origin.config.get("dataset.name"),
        "fold": None if origin is None else origin.config.get("fold"),
    }


def _warn_of_seen_clips(settings: Settings, origin: CheckpointOrigin | None) -> None:
    if origin is None:
        return
    dataset, fold = origin.config.get("dataset.name"), origin.config.get("fold")
    if (dataset, fold) != (settings.dataset.name, settings.fold) and dataset == settings.dataset.name:
        log.warning(
            f"{origin.name} was trained for fold {fold}: it has learned from the clips that fold {settings.fold} "
            "tests, where both are folds of the same copy."
        )


def _costs(network: nn.Module, settings: Settings, trainer: Trainer) -> dict[str, Any]:
    """Measures what ``run.json`` records of a network's costs."""
    clip_shape = (3, settings.model.num_frames, settings.dataset.size, settings.dataset.size)
    device, precision = trainer.strategy.root_device, str(trainer.precision)
    seconds = latency(network, clip_shape, device, precision == "bf16-mixed", REPEATS)
    return {
        "clip_shape": clip_shape,
        "parameters": num_parameters(network),
        "multiply_adds": multiply_adds(network, clip_shape),
        "multiply_adds_with_padding": multiply_adds(network, clip_shape, padding=True),
        "latency_ms": round(1000 * seconds, 3),
        "latency_repeats": REPEATS,
    }
