"""Counts a run's predictions.csv: the confusion matrix, and the rates that follow from it."""

import csv

import numpy as np
from numpy.typing import NDArray

from micacl.errors import UserError
from micacl.reporting.run_folder import Run

PREDICTIONS_FILE = "predictions.csv"


def read_confusion(run: Run) -> NDArray[np.int64]:
    """How many test clips of each class were taken for which.

    Args:
        run: the run whose predictions to count.

    Returns:
        Shape (K, K), clips: row k holds the clips with label k, column j those predicted as j.

    Raises:
        UserError: the file is missing or damaged, names a class that the run does not know, or counts a clip twice.
    """
    path = run.folder / PREDICTIONS_FILE
    index = {name: k for k, name in enumerate(run.class_names)}
    counts = np.zeros((len(index), len(index)), dtype=np.int64)
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, strict=True):
                clip, label, prediction = row["clip"], row["label"], row["prediction"]
                if clip in seen:
                    raise UserError(f"{path} lists the clip {clip} twice; every test clip counts once.")
                seen.add(clip)
                counts[index[label], index[prediction]] += 1
    except FileNotFoundError:
        raise UserError(f"{path} is missing: the run ({run.status}) has not written its predictions.") from None
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path} is damaged and cannot be read as CSV: {error}") from error
    except KeyError as error:
        raise UserError(
            f"{path} does not fit the run: {error} is neither one of its classes nor among the columns."
        ) from error
    if not seen:
        raise UserError(f"{path} holds no clip.")
    return counts


def recalls(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Recall of each class.

    Args:
        counts: confusion matrix, shape (K, K), rows are labels.

    Returns:
        Shape (K,), fractions; NaN for a class with no clip.
    """
    clips = counts.sum(axis=1)
    undefined = np.full(len(clips), np.nan)
    return np.asarray(np.divide(np.diagonal(counts), clips, out=undefined, where=clips > 0), dtype=np.float64)


def war(counts: NDArray[np.int64]) -> float:
    """Weighted average recall, a fraction: the share of clips that are right.

    Args:
        counts: confusion matrix, shape (K, K), rows are labels.
    """
    return float(np.trace(counts) / counts.sum())


def uar(counts: NDArray[np.int64]) -> float:
    """Unweighted average recall, a fraction: the mean of the recalls of the classes that have clips.

    Args:
        counts: confusion matrix, shape (K, K), rows are labels.
    """
    return float(np.nanmean(recalls(counts)))
