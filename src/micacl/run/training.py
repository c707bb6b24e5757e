"""Trains and tests one run: from its settings to its folder."""

import logging
import secrets
import signal
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import Callback
from omegaconf import OmegaConf
from rich.console import Console

from micacl.build.checks import check_options
from micacl.build.data import build_data
from micacl.build.loss import build_loss
from micacl.build.network import build_network
from micacl.build.trainer import build_optimization, build_trainer, device_name
from micacl.dashboard.session import Session, start_session
from micacl.data.datamodule import ClipDataModule
from micacl.errors import UserError
from micacl.files import locked_or_refused
from micacl.process.scheduler import in_slurm_job, requeue_slurm_job
from micacl.process.setup import is_first_process, prepare_process
from micacl.process.stop import Stopped, StopRequest, signals_handled
from micacl.run.earlier_run import EarlierRun, earlier_run
from micacl.run.job import Job
from micacl.run.outcome import about_run, failures_recorded, record_data, show_results, write_results
from micacl.run_folder.clip_lists import write_non_finite_batch
from micacl.run_folder.names import CHECKPOINTS_FOLDER, LOCK_FILE
from micacl.run_folder.record import RunRecord
from micacl.settings import Settings
from micacl.training.callbacks import DataWait, EpochProgressBar, EpochTable
from micacl.training.checkpoints.reading import (
    check_fits,
    check_resumable,
    load_network,
    read_checkpoint,
    read_to_resume,
)
from micacl.training.checkpoints.tensors import PREVIOUS, ReadCheckpoint
from micacl.training.checkpoints.writing import BestCheckpoint, DurableCheckpointIO, LastCheckpoint
from micacl.training.module import ExpressionModule, NonFiniteLossError

log = logging.getLogger(__name__)


def run(settings: Settings, job: Job) -> None:
    """Trains and tests one configuration on one fold, and leaves everything in the job's folder.

    If the folder holds the same run, interrupted, it is resumed; if it holds it finished, nothing is done.

    Raises:
        UserError: If something in the settings, the data or the machine does not allow it, or another process trains
            in that folder.
        Stopped: If a signal ended it; what was trained is saved.
    """
    prepare_process()
    with signals_handled() as request, _alone_in(job.folder):
        earlier = earlier_run(job.folder, job.config_yaml)
        if not earlier.finished:
            _run(settings, job, earlier, request)
        elif is_first_process():
            log.info(f"{job.folder} holds this run, finished; name another folder, or delete that one, to train anew")


def _run(settings: Settings, job: Job, earlier: EarlierRun, request: StopRequest) -> None:
    is_first = is_first_process()
    before = {} if earlier.checkpoint is None else earlier.record
    record = RunRecord(job.folder, about_run(settings, job), job.config_yaml, active=is_first, earlier=before)
    session = Session()
    failed = True
    try:
        with failures_recorded(record):
            check_options(settings)
            data = build_data(settings)
            record_data(settings, data, record)  # reads the lists, so that a mistake leaves no W&B run
            if is_first:
                session = _start_session(settings, job, before, record)
            _train_and_test(settings, job, data, record, session, earlier.checkpoint, request)
        failed = False
    except Stopped as stopped:
        if is_first:
            say_how_to_resume(job, stopped)
        raise
    finally:
        _finish_session(session, job.folder, failed)
    if is_first:
        show_results(job.folder)


def _alone_in(folder: Path) -> AbstractContextManager[None]:
    """Keeps other runs out of a folder; all processes of one run work in it together."""
    if not is_first_process():
        return nullcontext()
    return locked_or_refused(
        folder / LOCK_FILE, f"another process is training in {folder}; wait for it, or name another folder"
    )


def _train_and_test(
    settings: Settings,
    job: Job,
    data: ClipDataModule,
    record: RunRecord,
    session: Session,
    checkpoint: ReadCheckpoint | None,
    request: StopRequest,
) -> None:
    folder = job.folder
    seed_everything(settings.seed, verbose=False)
    network = build_network(settings, len(data.class_names))
    module = ExpressionModule(
        network,
        build_loss(settings.loss, settings.ablation.mccl, data.class_counts, network.feature_dim),
        data.class_names,
        build_optimization(settings),
        validation_name="validation" if settings.protocol.validation_fraction else "test",
    )
    epochs = EpochTable(folder, module.validation_name, session.log_epoch)
    best = BestCheckpoint(folder / CHECKPOINTS_FOLDER, module.validation_name)
    last = LastCheckpoint(folder / CHECKPOINTS_FOLDER, settings.trainer.checkpoint_minutes, request)
    callbacks: list[Callback] = [DataWait(), epochs, best, last]
    if Console().is_terminal:  # elsewhere a bar is a thousand lines, and the line per epoch says enough
        callbacks.append(EpochProgressBar())
    trainer = build_trainer(settings, folder, callbacks)
    record.update(device=device_name(trainer.strategy.root_device), precision=str(trainer.precision))

    start = _start(module, checkpoint, settings)
    seed_everything(settings.seed, verbose=False)  # again, as Lightning does where several processes train
    with request.deferred():
        _fit(trainer, module, data, start, folder)
    headline = "last epoch"
    if settings.protocol.validation_fraction:
        headline = _restore_best(module, best)
    trainer.test(module, data, verbose=False)
    if trainer.is_global_zero:
        write_results(module, data, record, headline, epochs.rows)
        last.path.with_name(PREVIOUS).unlink(missing_ok=True)


def _start(module: ExpressionModule, checkpoint: ReadCheckpoint | None, settings: Settings) -> ReadCheckpoint | None:
    """The checkpoint that the training starts from: the run's own, where it was interrupted, else ``ckpt_path``."""
    if checkpoint is not None:
        check_fits(checkpoint, module)
        if is_first_process():
            log.info(f"resuming from step {checkpoint.content['global_step']}, saved in {checkpoint.path}")
        return checkpoint
    if settings.ckpt_path is None:
        return None
    checkpoint = read_to_resume(Path(settings.ckpt_path))
    check_resumable(checkpoint, module, settings.training.epochs)
    return checkpoint


def _fit(
    trainer: Trainer, module: ExpressionModule, data: ClipDataModule, start: ReadCheckpoint | None, folder: Path
) -> None:
    if start is not None:
        checkpoint_io = trainer.strategy.checkpoint_io
        assert isinstance(checkpoint_io, DurableCheckpointIO)
        checkpoint_io.hand_over(start)
    try:
        trainer.fit(module, data, ckpt_path=None if start is None else start.path, weights_only=True)
    except NonFiniteLossError as error:
        clips = data.clips("train")
        write_non_finite_batch(folder, [(clips[i].name, str(clips[i].path)) for i in error.index_B], error.step)
        raise
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise UserError(
            f"a process that loads clips has died ({error}). Most often the memory was full: set a lower "
            "dataset.num_workers. The same command with the same folder resumes from the last checkpoint."
        ) from error
    finally:
        # Stopped inside a validation, Lightning leaves the loaders' processes, and the exit would wait for them.
        trainer.fit_loop.teardown()


def _restore_best(module: ExpressionModule, best: BestCheckpoint) -> str:
    """Loads the weights of the epoch with the best validation UAR, and returns a name for it."""
    path = Path(best.best_model_path)
    checkpoint = read_checkpoint(path)
    load_network(path, checkpoint, module.network)
    return f"epoch {checkpoint['epoch'] + 1}, chosen by UAR on the validation part"


def _start_session(settings: Settings, job: Job, before: Mapping[str, Any], record: RunRecord) -> Session:
    """Starts the run in W&B, or resumes the one that an earlier start began."""
    if settings.logger.name == "none":
        return Session()
    name = f"{job.setting} fold {settings.fold} seed {settings.seed}"
    config = OmegaConf.to_container(OmegaConf.create(job.config_yaml))
    assert isinstance(config, dict)
    options = {str(option): value for option, value in config.items()}
    run_id = str(before.get("wandb_id") or secrets.token_hex(4))
    record.update(wandb_id=run_id)
    return start_session(job.folder, settings.logger.project, name, job.sweep, options, "train", run_id)


def _finish_session(session: Session, folder: Path, failed: bool) -> None:
    if not session.active:
        return
    from micacl.dashboard.run_end import log_end_of_run  # imports wandb, which `logger=none` does without

    if not failed:
        log_end_of_run(session, folder)
    session.finish(failed)


def say_how_to_resume(job: Job, stopped: Stopped) -> None:
    """Tells the user how to resume after a signal, and requeues the Slurm job if the signal asked for it."""
    if job.repeatable:
        log.info(f"Stopped by {stopped.signal.name}. The same command resumes it in {job.folder}")
    else:
        option = "hydra.run.dir" if job.sweep is None else "hydra.sweep.dir"
        folder = job.folder if job.sweep is None else job.folder.parent
        log.info(f"Stopped by {stopped.signal.name}. The same command with {option}={folder} resumes it")
    # Nobody sends these by hand, while SIGTERM is also how a job is cancelled.
    if stopped.signal not in (signal.SIGUSR1, signal.SIGUSR2) or not in_slurm_job():
        return
    if job.repeatable:
        log.info(requeue_slurm_job())
    else:
        log.info("Slurm's job is not requeued: it would start anew, in a folder with another time stamp in its name")
