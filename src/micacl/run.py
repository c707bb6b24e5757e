"""One run: from its settings to its folder."""

from pathlib import Path

from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import Callback
from omegaconf import OmegaConf
from rich.console import Console

from micacl.build import build_network, build_optimisation, build_trainer
from micacl.build_data import build_data
from micacl.build_loss import build_loss
from micacl.checks import check_options
from micacl.dashboard.session import Session, start_session
from micacl.data.datamodule import ClipDataModule
from micacl.job import Job
from micacl.process import is_first_process, prepare_process
from micacl.run_files import about_run, failures_recorded, record_data, show_results, write_results
from micacl.settings import Settings
from micacl.training.callbacks import DataWait, EpochProgressBar, EpochTable
from micacl.training.checkpoint import (
    BestCheckpoint,
    check_resumable,
    last_checkpoint,
    load_network,
    read_checkpoint,
)
from micacl.training.module import ExpressionModule, NonFiniteLossError
from micacl.training.run_record import RunRecord, device_name, write_rows


def run(settings: Settings, job: Job) -> None:
    """Trains and tests one configuration on one fold, and leaves everything in the job's folder.

    Raises:
        UserError: If something in the settings, the data or the machine does not allow it.
    """
    prepare_process()
    is_first = is_first_process()
    record = RunRecord(job.folder, about_run(settings, job), job.config_yaml, active=is_first)
    session = Session()
    failed = True
    try:
        with failures_recorded(record):
            check_options(settings)
            data = build_data(settings)
            record_data(settings, data, record)  # reads the lists, so that a mistake leaves no W&B run
            if is_first:
                session = _start_session(settings, job)
            _train_and_test(settings, job, data, record, session)
        failed = False
    finally:
        _finish_session(session, job.folder, failed)
    if is_first:
        show_results(job.folder)


def _train_and_test(settings: Settings, job: Job, data: ClipDataModule, record: RunRecord, session: Session) -> None:
    folder = job.folder
    seed_everything(settings.seed, verbose=False)
    module = ExpressionModule(
        build_network(settings, len(data.class_names)),
        build_loss(settings.loss, settings.ablation.mccl, data.class_counts),
        data.class_names,
        build_optimisation(settings),
        validation_name="validation" if settings.protocol.validation_fraction else "test",
    )
    epochs = EpochTable(folder / "metrics.csv", module.validation_name, session.log)
    best = BestCheckpoint(folder / "checkpoints", module.validation_name)
    callbacks: list[Callback] = [DataWait(), epochs, best, last_checkpoint(folder / "checkpoints")]
    if Console().is_terminal:  # elsewhere a bar is a thousand lines, and the line an epoch says enough
        callbacks.append(EpochProgressBar())
    trainer = build_trainer(settings, job, callbacks)
    record.update(device=device_name(trainer.strategy.root_device), precision=str(trainer.precision))

    seed_everything(settings.seed, verbose=False)  # again, as Lightning does where several processes train
    _fit(trainer, module, data, settings.ckpt_path, folder)
    headline = "last epoch"
    if settings.protocol.validation_fraction:
        headline = _restore_best(module, best)
    trainer.test(module, data, verbose=False)
    if trainer.is_global_zero:
        write_results(module, data, record, headline, epochs.rows)


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
    path = Path(best.best_model_path)
    checkpoint = read_checkpoint(path)
    load_network(path, checkpoint, module.network)
    return f"epoch {checkpoint['epoch'] + 1}, chosen by UAR on the validation part"


def _start_session(settings: Settings, job: Job) -> Session:
    if settings.logger.name == "none":
        return Session()
    name = f"{job.setting} fold {settings.fold} seed {settings.seed}"
    config = OmegaConf.to_container(OmegaConf.create(job.config_yaml))
    assert isinstance(config, dict)
    options = {str(option): value for option, value in config.items()}
    return start_session(job.folder, settings.logger.project, name, job.sweep, options, "train")


def _finish_session(session: Session, folder: Path, failed: bool) -> None:
    if not session.active:
        return
    from micacl.dashboard.run_end import log_end_of_run  # imports wandb, which `logger=none` does without

    if not failed:
        log_end_of_run(session, folder)
    session.finish(failed)
