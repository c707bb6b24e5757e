"""Writes the outcome of a run to its folder, whether it trained a network or tested a checkpoint."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from micacl.build.data import state_of_data
from micacl.build.loss import uses_mccl
from micacl.data.datamodule import ClipDataModule
from micacl.errors import UserError
from micacl.models import HasAdjacency
from micacl.process.setup import is_first_process
from micacl.process.stop import Stopped
from micacl.reporting.one_run.clips_to_show import clips_to_show
from micacl.reporting.one_run.figures import save_figures
from micacl.reporting.one_run.table import results_table
from micacl.run.job import Job
from micacl.run_folder.clip_lists import write_skipped_clips
from micacl.run_folder.features import Features, write_features
from micacl.run_folder.images import FRAMES_FILE, THUMBNAILS_FILE, write_images
from micacl.run_folder.instances import write_instances
from micacl.run_folder.predictions import Predictions, write_predictions
from micacl.run_folder.record import RunRecord, read_run
from micacl.settings import Settings
from micacl.training.module import ExpressionModule
from micacl.training.predictions import Rates, recognition_rates

log = logging.getLogger(__name__)


def about_run(settings: Settings, job: Job) -> dict[str, Any]:
    """Identifies a run before it has read its data: the first fields of ``run.json``."""
    return {
        "dataset": settings.dataset.name,
        "class_names": [],
        "fold": settings.fold,
        "seed": settings.seed,
        "setting": job.setting,
        "sweep": job.sweep,
        "ablation": vars(settings.ablation) | {"mccl": uses_mccl(settings.loss, settings.ablation.mccl)},
        "protocol": settings.protocol.name,
    }


@contextmanager
def failures_recorded(record: RunRecord) -> Iterator[None]:
    """Records any exception, including Ctrl-C, in ``run.json``, so that it never still says "running"."""
    try:
        yield
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt | SystemExit)  # Lightning makes the one the other
        by = f"by {error.signal.name}" if isinstance(error, Stopped) else "by Ctrl-C"
        message = f"interrupted {by}" if interrupted else str(error) or type(error).__name__
        with suppress(UserError):  # on a full disk the first error says more
            record.update(status="interrupted" if interrupted else "failed", error=message)
        raise


def record_data(settings: Settings, data: ClipDataModule, record: RunRecord) -> None:
    """Records which data a run uses, whether it was checked, and which of its clips are left out."""
    record.update(class_names=list(data.class_names), class_counts=data.class_counts)
    state = state_of_data(settings, data.split)
    record.update(data_verified=state.verified, data_manifest=state.manifest, data_reason=state.reason)
    if not state.verified:
        log.warning(f"The data is not verified: {state.reason}.")
    if data.skipped and is_first_process():
        path = write_skipped_clips(record.folder, [(clip.name, str(clip.path), clip.reason) for clip in data.skipped])
        log.warning(f"{len(data.skipped)} clips cannot be decoded and are left out; {path} lists them")


def write_results(
    module: ExpressionModule,
    data: ClipDataModule,
    record: RunRecord,
    headline: str,
    epochs: Sequence[Mapping[str, float]],
) -> None:
    """Writes predictions, features, instances, frames, pictures and the results of a module that has just been tested.

    Args:
        module: The module, with its test predictions.
        data: The clips.
        record: The record of the run.
        headline: The weights that were tested, in words.
        epochs: The rows of ``metrics.csv``; none where nothing was trained.
    """
    assert module.test_predictions is not None  # trainer.test has just made them
    folder, predictions = record.folder, module.test_predictions
    names = data.clip_names("test")
    clips = tuple(names[index] for index in predictions.index_N.tolist())
    label_N, prediction_N = _numpy(predictions.label_N), _numpy(predictions.prediction_N)
    probability_NK = _numpy(predictions.probability_NK)
    write_predictions(folder, Predictions(clips, label_N, prediction_N, probability_NK), module.class_names)
    write_features(folder, Features(_numpy(predictions.features_NC.float()), label_N, prediction_N, clips))
    rates = recognition_rates(predictions)
    record.update(results=results_record(headline, rates, module.class_names, epochs))
    adjacency_TT = module.network.adjacency() if isinstance(module.network, HasAdjacency) else None
    write_instances(folder, names, _numpy_or_none(module.test_instance_weights), _numpy_or_none(adjacency_TT))
    try:
        _write_pictures(data, folder)
        save_figures(folder)
    except UserError as error:
        log.warning(f"The results are complete, but not all pictures could be made: {error}")
    record.update(status="finished")


def _numpy(values: Tensor) -> NDArray[Any]:
    return values.detach().cpu().numpy()


def _numpy_or_none(values: Tensor | None) -> NDArray[Any] | None:
    return None if values is None else _numpy(values.float())


def _write_pictures(data: ClipDataModule, folder: Path) -> None:
    """Writes the middle frame of each test clip, and all frames of the clips worth looking at."""
    names = data.clip_names("test")
    write_images(folder / THUMBNAILS_FILE, names, data.middle_frames("test"))
    chosen = [(names[clip.index], data.frames("test", clip.index)) for clip in clips_to_show(read_run(folder))]
    frames = [(name, frame) for name, frames in chosen for frame in frames]
    if not frames:
        return
    write_images(folder / FRAMES_FILE, [name for name, _ in frames], [frame for _, frame in frames])


def show_results(folder: Path) -> None:
    """Prints the table of a finished run."""
    Console().print(results_table(folder))
    log.info(f"Everything of this run is in {folder}")


def results_record(
    headline: str, rates: Rates, class_names: Sequence[str], epochs: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    """Puts the headline figures and, where every epoch was tested, the test-selected best side by side.

    Args:
        headline: The weights that the figures belong to, in words.
        rates: The rates of these weights.
        class_names: The classes, in the order of the labels.
        epochs: The rows of ``metrics.csv``.

    Returns:
        Plain values for JSON: fractions, None for the recall of a class without clips.
    """
    return {
        "headline": headline,
        "war": rates.war,
        "uar": rates.uar,
        "recall": {
            name: None if math.isnan(recall) else recall
            for name, recall in zip(class_names, rates.recall_K, strict=True)
        },
        "best_on_test": _best_on_test(epochs),
    }


def _best_on_test(epochs: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    """Finds the highest test WAR and the highest test UAR over the epochs, each by itself, as published results do."""
    if not epochs or "test/war" not in epochs[0]:
        return None
    best_war = max(epochs, key=lambda row: row["test/war"])
    best_uar = max(epochs, key=lambda row: row["test/uar"])
    return {
        "war": best_war["test/war"],
        "war_epoch": int(best_war["epoch"]),
        "uar": best_uar["test/uar"],
        "uar_epoch": int(best_uar["epoch"]),
    }
