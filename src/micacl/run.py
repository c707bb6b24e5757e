"""One run: from its settings to its folder."""

import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import OmegaConf
from rich.console import Console

from micacl.build import build_loss, build_network, build_trainer, check_options
from micacl.build_data import build_data, state_of_data
from micacl.data.datamodule import ClipDataModule
from micacl.errors import UserError
from micacl.job import Job
from micacl.reporting.figures import save_figures
from micacl.reporting.table import results_table
from micacl.settings import Settings
from micacl.training.callbacks import DataWait, EpochProgressBar, EpochTable
from micacl.training.checkpoint import BestCheckpoint, check_resumable, last_checkpoint, read_checkpoint
from micacl.training.memory import keep_freed_memory
from micacl.training.module import ExpressionModule, NonFiniteLossError, Optimisation
from micacl.training.predictions import recognition_rates
from micacl.training.results import results_record
from micacl.training.run_record import RunRecord, device_name, write_predictions, write_rows, write_thumbnails
from micacl.training.wandb_run import finish_wandb, start_wandb

log = logging.getLogger(__name__)


def run(settings: Settings, job: Job) -> None:
    """Trains and tests one configuration on one fold, and leaves everything in the job's folder.

    Raises:
        UserError: If something in the settings, the data or the machine does not allow it.
    """
    _quieten_libraries()
    keep_freed_memory()
    # Where nothing moves, features shrink to denormal numbers, on which CPUs compute slowly: without this a forward
    # pass of the built-in data took 1.6 times as long. Threads that start later inherit the setting.
    torch.set_flush_denormal(True)
    is_first = _is_first_process()
    record = RunRecord(job.folder, _about(settings, job), job.config_yaml, active=is_first)
    wandb_run = None
    failed = True
    try:
        check_options(settings)
        if is_first:
            wandb_run = _start_wandb(settings, job)
        _train_and_test(settings, job, record, wandb_run)
        failed = False
    except BaseException as error:  # Ctrl-C too: the folder must not say that the run goes on
        stopped = isinstance(error, KeyboardInterrupt | SystemExit)  # Lightning makes the one the other
        record.update(status="failed", error="interrupted" if stopped else str(error) or type(error).__name__)
        raise
    finally:
        if wandb_run is not None:
            finish_wandb(wandb_run, job.folder, failed)
    if is_first:
        Console().print(results_table(job.folder))
        log.info(f"Everything of this run is in {job.folder}")


def _train_and_test(settings: Settings, job: Job, record: RunRecord, wandb_run: Any | None) -> None:
    folder = job.folder
    seed_everything(settings.seed, verbose=False)
    data = build_data(settings)
    record.update(class_names=list(data.class_names), class_counts=data.class_counts)
    state = state_of_data(settings, data.split)
    record.update(data_verified=state.verified, data_manifest=state.manifest, data_reason=state.reason)
    if not state.verified:
        log.warning(f"The data is not verified: {state.reason}.")
    _list_skipped(data, folder)
    module = ExpressionModule(
        build_network(settings, len(data.class_names)),
        build_loss(settings.loss, settings.ablation.mccl, data.class_counts),
        data.class_names,
        _optimisation(settings),
        validation_name="validation" if settings.protocol.validation_fraction else "test",
    )
    epochs = EpochTable(folder / "metrics.csv", module.validation_name)
    best = BestCheckpoint(folder / "checkpoints", module.validation_name)
    callbacks: list[Callback] = [DataWait(), epochs, best, last_checkpoint(folder / "checkpoints")]
    if Console().is_terminal:  # elsewhere a bar is a thousand lines, and the line an epoch says enough
        callbacks.append(EpochProgressBar())
    trainer = build_trainer(settings, folder, callbacks, _lightning_logger(wandb_run))
    if job.sweep is not None and trainer.strategy.launcher is not None:
        # Lightning starts the other processes with this one's command line: each would begin the whole sweep.
        raise UserError(
            "a job of a sweep runs on one device; leave out -m, or set trainer.devices=1 trainer.strategy=auto"
        )
    record.update(device=device_name(trainer.strategy.root_device), precision=str(trainer.precision))

    _fit(trainer, module, data, settings.ckpt_path, folder)
    headline = "last epoch"
    if settings.protocol.validation_fraction:
        headline = _restore_best(module, best)
    trainer.test(module, data, verbose=False)
    if trainer.is_global_zero:
        _write_results(module, data, folder, record, headline, epochs)


def _fit(trainer: Trainer, module: ExpressionModule, data: ClipDataModule, ckpt_path: str | None, folder: Path) -> None:
    if ckpt_path is not None:
        check_resumable(Path(ckpt_path), module, trainer.max_epochs or 0)
    try:
        trainer.fit(module, data, ckpt_path=ckpt_path, weights_only=True)
    except NonFiniteLossError as error:
        clips = data.clips("train")
        write_rows(
            folder / "non_finite_batch.csv",
            [{"clip": clips[i].name, "path": clips[i].path, "step": error.step} for i in error.index_B],
        )
        raise


def _restore_best(module: ExpressionModule, best: BestCheckpoint) -> str:
    """Loads the weights of the epoch that validated best, and names it."""
    checkpoint = read_checkpoint(Path(best.best_model_path))
    module.load_state_dict(checkpoint["state_dict"])
    return f"epoch {checkpoint['epoch'] + 1}, chosen by UAR on the validation part"


def _write_results(
    module: ExpressionModule,
    data: ClipDataModule,
    folder: Path,
    record: RunRecord,
    headline: str,
    epochs: EpochTable,
) -> None:
    assert module.test_predictions is not None  # trainer.test has just made them
    predictions = module.test_predictions
    write_predictions(folder, predictions, data.clip_names("test"), module.class_names)
    rates = recognition_rates(predictions)
    record.update(results=results_record(headline, rates, module.class_names, epochs.rows), status="finished")
    try:
        write_thumbnails(folder, data.clip_names("test"), data.middle_frames("test"))
        save_figures(folder)
    except UserError as error:
        log.warning(f"The results are complete, but not all pictures could be made: {error}")


def _about(settings: Settings, job: Job) -> dict[str, Any]:
    return {
        "dataset": settings.dataset.name,
        "class_names": [],
        "fold": settings.fold,
        "seed": settings.seed,
        "setting": job.setting,
        "sweep": job.sweep,
        "ablation": vars(settings.ablation),
        "protocol": settings.protocol.name,
    }


def _optimisation(settings: Settings) -> Optimisation:
    training = settings.training
    return Optimisation(
        learning_rate=training.learning_rate,
        min_learning_rate=training.min_learning_rate,
        weight_decay=training.weight_decay,
        warmup_epochs=training.warmup_epochs,
        gradient_clip_norm=training.gradient_clip_norm,
    )


def _list_skipped(data: ClipDataModule, folder: Path) -> None:
    if not data.skipped or not _is_first_process():
        return
    path = folder / "skipped_clips.csv"
    write_rows(path, [{"clip": clip.name, "path": clip.path, "reason": clip.reason} for clip in data.skipped])
    log.warning(f"{len(data.skipped)} clips cannot be decoded and are left out; {path} lists them")


def _start_wandb(settings: Settings, job: Job) -> Any | None:
    if settings.logger.name == "none":
        return None
    name = f"{job.setting} fold {settings.fold} seed {settings.seed}"
    config = OmegaConf.to_container(OmegaConf.create(job.config_yaml))
    assert isinstance(config, dict)
    return start_wandb(job.folder, settings.logger.project, name, job.sweep, {str(k): v for k, v in config.items()})


def _lightning_logger(wandb_run: Any | None) -> WandbLogger | None:
    return None if wandb_run is None else WandbLogger(experiment=wandb_run, log_model=False)


def _is_first_process() -> bool:
    """Whether this process writes the run folder: Lightning, torchrun and Slurm number theirs before they start."""
    return getattr(rank_zero_only, "rank", 0) == 0


def _quieten_libraries() -> None:
    """Keeps Lightning's hints, meant for people who write Lightning code, away from people who run this."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    logging.getLogger("openTSNE").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", module="torch.optim.lr_scheduler")
    # The replacement that it names is not in every torch that we run on.
    warnings.filterwarnings("ignore", message=".*all_gather is deprecated", category=FutureWarning)
    torch.set_float32_matmul_precision("high")
