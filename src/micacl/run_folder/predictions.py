"""Writes and reads ``predictions.csv``: the label, the prediction and the probabilities of every test clip."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from micacl.errors import UserError
from micacl.files import replacing
from micacl.rates import confusion_matrix, uar, war
from micacl.run_folder.csv_file import read_csv
from micacl.run_folder.record import RUN_FILE, Results, Run

PREDICTIONS_FILE = "predictions.csv"

AGREE = 1e-4  # rates further apart than this come from different predictions, not from rounding


@dataclass(frozen=True)
class Predictions:
    """The predictions for N test clips of K classes.

    Attributes:
        clip: The names of the clips, each once.
        label: The true classes, shape (N,).
        prediction: The predicted classes, shape (N,).
        probability: The probability of each class, shape (N, K); rows of damaged probabilities are NaN.
    """

    clip: tuple[str, ...]
    label: NDArray[np.int64]
    prediction: NDArray[np.int64]
    probability: NDArray[np.float64]

    @property
    def confusion(self) -> NDArray[np.int64]:
        """The confusion matrix in clips, shape (K, K); rows are labels, columns predictions."""
        return confusion_matrix(self.label, self.prediction, self.probability.shape[1])


def write_predictions(folder: Path, predictions: Predictions, class_names: Sequence[str]) -> None:
    """Writes ``predictions.csv``, whole or not at all.

    Args:
        folder: The run folder.
        predictions: The predictions.
        class_names: The names of the K classes, in the order of the labels.

    Raises:
        UserError: If the folder cannot be written to.
    """
    rows = zip(
        predictions.clip,
        predictions.label.tolist(),
        predictions.prediction.tolist(),
        predictions.probability.tolist(),
        strict=True,
    )
    with replacing(folder / PREDICTIONS_FILE) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "label", "prediction", *map(_column, class_names)])
        for clip, label, prediction, probabilities in rows:
            cells = [f"{probability:.6f}" for probability in probabilities]
            writer.writerow([clip, class_names[label], class_names[prediction], *cells])


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


def _column(class_name: str) -> str:
    return f"p_{class_name}"


def _probabilities(row: Mapping[str, str], class_names: Sequence[str]) -> list[float]:
    """Reads the probabilities of a clip; damaged ones become NaN, since counting clips needs none of them."""
    try:
        values = [float(row[_column(name)] or "nan") for name in class_names]
    except (KeyError, ValueError):
        return [float("nan")] * len(class_names)
    return values if all(0 <= value <= 1 for value in values) else [float("nan")] * len(class_names)


def read_confusion(run: Run) -> NDArray[np.int64]:
    """Counts how many test clips of each class a run took for which.

    Args:
        run: The run whose predictions to count.

    Returns:
        The confusion matrix in clips, shape (K, K); rows are labels, columns predictions.

    Raises:
        UserError: If `read_predictions` raises it.
    """
    return read_predictions(run).confusion


def disagreement(results: Results, counts_KK: NDArray[np.int64]) -> list[str]:
    """Compares the rates of run.json with those of predictions.csv, which are shown side by side.

    Args:
        results: The results of run.json.
        counts_KK: The confusion matrix of predictions.csv.

    Returns:
        One sentence for each rate that differs.
    """
    return [
        f"{RUN_FILE} and {PREDICTIONS_FILE} disagree: {name} {100 * reported:.2f} against {100 * counted:.2f}."
        for name, reported, counted in (("WAR", results.war, war(counts_KK)), ("UAR", results.uar, uar(counts_KK)))
        if reported is not None and abs(reported - counted) > AGREE
    ]
