"""Everything that a run has left, and what of it is missing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from micacl.errors import UserError
from micacl.run_folder.config import read_config
from micacl.run_folder.metrics import METRICS_FILE, Metrics, read_metrics
from micacl.run_folder.predictions import Predictions, disagreement, read_predictions
from micacl.run_folder.record import Run

T = TypeVar("T")


@dataclass(frozen=True)
class Evidence:
    """One run's files, read.

    Attributes:
        run: What it says of itself.
        predictions: None where they are missing or damaged.
        metrics: None where they are missing or damaged, and for a test of a checkpoint.
        config: Its options, flat; empty where they are missing or damaged.
        missing: What cannot be shown and why, and what does not fit together, a sentence each.
    """

    run: Run
    predictions: Predictions | None
    metrics: Metrics | None
    config: Mapping[str, str]
    missing: tuple[str, ...]


def gather(run: Run) -> Evidence:
    """Reads a run's files; a file that is missing or damaged leaves a gap and a sentence, never an error.

    Args:
        run: Finished or not.
    """
    missing: list[str] = []
    finished = run.status == "finished"
    # A run without a result is listed as such; that its files are not there yet says nothing more.
    predictions = _try(read_predictions, run, missing) if finished else None
    trained = run.checkpoint is None  # a test of a checkpoint has no course to show
    metrics = _try(read_metrics, run, missing if finished else []) if trained else None
    config = _try(read_config, run, missing if finished else [])
    if predictions is not None and run.results is not None:
        missing += disagreement(run.results, predictions.confusion)
    if metrics is not None and metrics.not_finite:
        first = ", ".join(f"{name} (first at epoch {epoch})" for name, epoch in metrics.not_finite.items())
        missing.append(f"{METRICS_FILE} holds values that are not finite, left out of the curves: {first}.")
    return Evidence(run, predictions, metrics, config or {}, tuple(missing))


def _try(read: Callable[[Run], T], run: Run, missing: list[str]) -> T | None:
    try:
        return read(run)
    except UserError as error:
        missing.append(str(error).replace(f"{run.folder}/", ""))
        return None
