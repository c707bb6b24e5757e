"""Chooses the clips of a run that are worth looking at: its most confident mistakes, and the worst of the tail."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from micacl.run_folder.predictions import Predictions, read_predictions
from micacl.run_folder.record import Run

MISTAKES = 6
TAIL_CLIPS = 6


@dataclass(frozen=True)
class ClipToShow:
    """A clip to look at.

    Attributes:
        index: The position of the clip in the predictions.
        reason: Why it is shown: "confident mistake" or "tail class".
    """

    index: int
    reason: str


def clips_to_show(run: Run) -> tuple[ClipToShow, ...]:
    """Chooses a run's clips by the rule of `choose`.

    Args:
        run: A run with its predictions.csv. Its classes are counted in training clips, or in test clips where it has
            not recorded those.

    Raises:
        UserError: If `read_predictions` raises it.
    """
    predictions = read_predictions(run)
    return choose(predictions, run.class_counts or predictions.confusion.sum(axis=1).tolist())


def choose(predictions: Predictions, class_counts: Sequence[int]) -> tuple[ClipToShow, ...]:
    """Chooses at most 12 clips, each once.

    First the 6 wrong predictions with the highest probability of the predicted class, then the 6 clips of tail classes
    with the lowest probability of their label. Where two are equal the earlier one comes first; a clip whose
    probabilities are undefined is never chosen.

    Args:
        predictions: The predictions for the test clips.
        class_counts: The number of clips of each class.
    """
    clips = np.arange(len(predictions.clip))
    of_prediction = predictions.probability[clips, predictions.prediction]
    of_label = predictions.probability[clips, predictions.label]
    defined = np.isfinite(of_prediction)
    wrong = np.flatnonzero(defined & (predictions.prediction != predictions.label))
    mistakes = _first(wrong, -of_prediction)[:MISTAKES]
    in_tail = np.flatnonzero(defined & np.isin(predictions.label, tail_classes(class_counts)))
    worst = _first(np.setdiff1d(in_tail, mistakes), of_label)[:TAIL_CLIPS]
    return tuple(
        ClipToShow(index, reason)
        for reason, chosen in (("confident mistake", mistakes), ("tail class", worst))
        for index in chosen.tolist()
    )


def tail_classes(class_counts: Sequence[int]) -> list[int]:
    """Finds the rarest third of the classes, rounded down, at least one; of equally rare ones the later.

    Args:
        class_counts: The number of clips of each class.

    >>> tail_classes([1956, 1515, 2135, 1738, 1175, 116, 721])  # DFEW: disgust and fear
    [5, 6]
    """
    head_to_tail = sorted(range(len(class_counts)), key=lambda k: -class_counts[k])
    return sorted(head_to_tail[-max(1, math.floor(len(class_counts) / 3)) :])


def _first(index: NDArray[np.int64], rank: NDArray[np.float64]) -> NDArray[np.int64]:
    return index[np.argsort(rank[index], kind="stable")]
