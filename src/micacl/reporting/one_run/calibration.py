"""Measures calibration: whether a network that is 80 % sure is right in 80 % of cases."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15  # of equal width, as in Guo et al., 2017


@dataclass(frozen=True)
class Calibration:
    """Accuracy against confidence, the probability of the predicted class, in bins of equal width.

    Attributes:
        ece: The expected calibration error, a fraction: the mean over clips of |accuracy - confidence| of their bin.
        clips: The number of clips in each bin that has any.
        confidence: The mean confidence in each such bin, a fraction.
        accuracy: The accuracy in each such bin, a fraction.
    """

    ece: float
    clips: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def calibration(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """Bins clips by confidence.

    Args:
        confidence: The probability of the predicted class, shape (N,), N at least 1.
        right: Whether the prediction is right, shape (N,).
    """
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)  # (0, 1/15], (1/15, 2/15], ...
    clips = np.bincount(bins, minlength=BINS)
    filled = clips > 0
    clips_in = clips[filled]
    mean_confidence = np.bincount(bins, confidence, BINS)[filled] / clips_in
    accuracy = np.bincount(bins, right, BINS)[filled] / clips_in
    ece = float(np.sum(clips_in * np.abs(accuracy - mean_confidence)) / len(confidence))
    return Calibration(ece, clips_in, mean_confidence, accuracy)
