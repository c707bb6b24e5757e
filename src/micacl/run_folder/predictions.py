"""Reads a run's predictions.csv, and counts: the confusion matrix, and the rates that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from micacl.errors import UserError
from micacl.run_folder.csv_file import read_csv
from micacl.run_folder.record import RUN_FILE, Results, Run

PREDICTIONS_FILE = "predictions.csv"


@dataclass(frozen=True)
class Predictions:
    """What a run said of each test clip.

    Attributes:
        clip: N names, each once.
        label: Shape (N,), class indices.
        prediction: Shape (N,), class indices.
        probability: Shape (N, K); NaN in the rows of clips whose probabilities are no probabilities.
    """

    clip: tuple[str, ...]
    label: NDArray[np.int64]
    prediction: NDArray[np.int64]
    probability: NDArray[np.float64]

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Shape (K, K), clips: row k holds the clips with label k, column j those predicted as j."""
        num_classes = self.probability.shape[1]
        counts = np.bincount(self.label * num_classes + self.prediction, minlength=num_classes**2)
        return counts.reshape(num_classes, num_classes).astype(np.int64)


def read_predictions(run: Run) -> Predictions:
    """Reads a run's predictions.csv.

    Args:
        run: The run whose predictions to read.

    Raises:
        UserError: If the file is missing or damaged, names a class that the run does not know, or counts a clip twice.
    """
    path = run.folder / PREDICTIONS_FILE
    index = {name: k for k, name in enumerate(run.class_names)}
    rows: dict[str, tuple[int, int, list[float]]] = {}
    _, table = read_csv(path, f"the run ({run.status}) has not written its predictions")
    try:
        for row in table:
            clip, label, prediction = row["clip"], row["label"], row["prediction"]
            if clip in rows:
                raise UserError(f"{path} lists the clip {clip} twice; every test clip counts once.")
            rows[clip] = index[label], index[prediction], _probabilities(row, run.class_names)
    except KeyError as error:
        raise UserError(
            f"{path} does not fit the run: {error} is neither one of its classes nor among the columns."
        ) from error
    if not rows:
        raise UserError(f"{path} holds no clip.")
    labels, predictions, probabilities = zip(*rows.values(), strict=True)
    probability = np.array(probabilities, dtype=np.float64)
    return Predictions(tuple(rows), np.array(labels), np.array(predictions), probability)


def _probabilities(row: Mapping[str, str], class_names: tuple[str, ...]) -> list[float]:
    """The counts need none of them, so that damaged ones make a clip's row undefined and no more."""
    try:
        values = [float(row[f"p_{name}"] or "nan") for name in class_names]
    except (KeyError, ValueError):
        return [float("nan")] * len(class_names)
    return values if all(0 <= value <= 1 for value in values) else [float("nan")] * len(class_names)


def read_confusion(run: Run) -> NDArray[np.int64]:
    """How many test clips of each class were taken for which.

    Args:
        run: The run whose predictions to count.

    Returns:
        Shape (K, K), clips: row k holds the clips with label k, column j those predicted as j.

    Raises:
        UserError: As `read_predictions`.
    """
    return read_predictions(run).confusion


def recalls(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Recall of each class.

    Args:
        counts: Confusion matrix, shape (K, K), rows are labels.

    Returns:
        Shape (K,), fractions; NaN for a class with no clip.
    """
    clips = counts.sum(axis=1)
    undefined = np.full(len(clips), np.nan)
    return np.asarray(np.divide(np.diagonal(counts), clips, out=undefined, where=clips > 0), dtype=np.float64)


def war(counts: NDArray[np.int64]) -> float:
    """Weighted average recall, a fraction: the share of clips that are right.

    Args:
        counts: Confusion matrix, shape (K, K), rows are labels.
    """
    return float(np.trace(counts) / counts.sum())


def uar(counts: NDArray[np.int64]) -> float:
    """Unweighted average recall, a fraction: the mean of the recalls of the classes that have clips.

    Args:
        counts: Confusion matrix, shape (K, K), rows are labels.
    """
    return float(np.nanmean(recalls(counts)))


AGREE = 1e-4  # rates further apart than this come from different predictions, not from rounding


def disagreement(results: Results, counts: NDArray[np.int64]) -> list[str]:
    """One sentence for each rate that differs: counts stand beside rates only if both are of the same predictions.

    Args:
        results: Of run.json.
        counts: Confusion matrix of predictions.csv, shape (K, K).
    """
    notes = []
    for name, reported, counted in (("WAR", results.war, war(counts)), ("UAR", results.uar, uar(counts))):
        if reported is not None and abs(reported - counted) > AGREE:
            notes.append(
                f"{RUN_FILE} and {PREDICTIONS_FILE} disagree: {name} {100 * reported:.2f} against {100 * counted:.2f}."
            )
    return notes
