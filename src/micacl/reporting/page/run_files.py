"""Reads all files that a run has left, and says which of them are missing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from micacl.errors import UserError
from micacl.run_folder.config import read_options
from micacl.run_folder.metrics import METRICS_FILE, Metrics, read_metrics
from micacl.run_folder.predictions import Predictions, disagreement, read_predictions
from micacl.run_folder.record import Run

T = TypeVar("T")


@dataclass(frozen=True)
class RunFiles:
    """The files of one run.

    Attributes:
        run: The record.
        predictions: The predictions; None where they are missing or damaged.
        metrics: The metrics; None where they are missing or damaged, and for a test of a checkpoint.
        config: The options, flat; empty where they are missing or damaged.
        missing: One sentence for each thing that cannot be shown, or that does not fit the rest.
    """

    run: Run
    predictions: Predictions | None
    metrics: Metrics | None
    config: Mapping[str, str]
    missing: tuple[str, ...]


def read_run_files(run: Run) -> RunFiles:
    """Reads a run's files; a file that is missing or damaged leaves a gap and a sentence, never an error.

    Args:
        run: The run, finished or not.
    """
    missing: list[str] = []

    def read(reader: Callable[[Run], T], expected: bool) -> T | None:
        try:
            return reader(run)
        except UserError as error:
            if expected:
                missing.append(describe_gap(run, error))
            return None

    finished = run.status == "finished"
    # A run without a result is listed as such; that its files are not there yet says nothing more.
    predictions = read(read_predictions, expected=True) if finished else None
    trained = run.checkpoint is None  # a test of a checkpoint has no metrics
    metrics = read(read_metrics, expected=finished) if trained else None
    config = read(lambda run: read_options(run.folder), expected=finished)
    if predictions is not None and run.results is not None:
        missing += disagreement(run.results, predictions.confusion)
    if metrics is not None and metrics.not_finite:
        first = ", ".join(f"{name} (first at epoch {epoch})" for name, epoch in metrics.not_finite.items())
        missing.append(f"{METRICS_FILE} holds values that are not finite, left out of the curves: {first}.")
    return RunFiles(run, predictions, metrics, config or {}, tuple(missing))


def describe_gap(run: Run, error: UserError) -> str:
    """Says what cannot be shown of a run, with paths inside its folder only."""
    return str(error).replace(f"{run.folder}/", "")
