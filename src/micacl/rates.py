"""Counts a confusion matrix, and computes from it WAR, UAR and the recalls as fractions of 1.

Shapes: N clips, K classes. In a confusion matrix row k holds the clips with label k, column j those predicted as j.
"""

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(
    label_N: NDArray[np.int64], prediction_N: NDArray[np.int64], num_classes: int
) -> NDArray[np.int64]:
    """Counts how many clips of each class were taken for which.

    Args:
        label_N: The true classes.
        prediction_N: The predicted classes.
        num_classes: The number of classes K.

    Returns:
        The counts, shape (K, K).

    Raises:
        ValueError: If the shapes differ, or a class is not one of 0 to K - 1.
    """
    if label_N.shape != prediction_N.shape or label_N.ndim != 1:
        raise ValueError(f"labels of shape {label_N.shape} and predictions of shape {prediction_N.shape}")
    for class_N in (label_N, prediction_N):
        if len(class_N) and not 0 <= class_N.min() <= class_N.max() < num_classes:
            raise ValueError(f"classes {class_N.min()} to {class_N.max()} where 0 to {num_classes - 1} are known")
    counts = np.bincount(label_N * num_classes + prediction_N, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


def shares(counts_KK: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divides each row of a confusion matrix by its clips; the row of a class without clips is NaN.

    Args:
        counts_KK: The confusion matrix.

    Returns:
        The shares, shape (K, K); the recalls are on the diagonal.
    """
    clips_K1 = counts_KK.sum(axis=1, keepdims=True)
    return np.divide(counts_KK, clips_K1, out=np.full(counts_KK.shape, np.nan), where=clips_K1 > 0)


def recalls(counts_KK: NDArray[np.int64]) -> NDArray[np.float64]:
    """Computes the recall of each class: the share of its clips that are right.

    Args:
        counts_KK: The confusion matrix.

    Returns:
        The recalls, shape (K,); NaN for a class without clips.
    """
    return np.diagonal(shares(counts_KK))


def war(counts_KK: NDArray[np.int64]) -> float:
    """Computes the weighted average recall: the share of all clips that are right.

    Args:
        counts_KK: The confusion matrix.

    Returns:
        The rate; NaN where there is no clip.
    """
    clips = counts_KK.sum()
    return float(np.trace(counts_KK) / clips) if clips else float("nan")


def uar(counts_KK: NDArray[np.int64]) -> float:
    """Computes the unweighted average recall: the mean of the recalls of the classes that have clips.

    Args:
        counts_KK: The confusion matrix.

    Returns:
        The rate; NaN where there is no clip.
    """
    return float(np.nanmean(recalls(counts_KK))) if counts_KK.any() else float("nan")
