"""Computes Student's interval, which tells how far a mean over folds may be off."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and its interval, in per cent.

    Attributes:
        mean: The mean over the folds.
        low: The lower end of the 95 % interval; None for a single fold.
        high: The upper end; it may exceed 100, because the interval takes the folds' rates to be normal.
        folds: The number of folds.
    """

    mean: float
    low: float | None
    high: float | None
    folds: int


def interval(rates: Sequence[tuple[int | None, float]]) -> Interval | None:
    """Computes Student's interval over folds; seeds of a fold are averaged first, since they are not independent folds.

    Args:
        rates: The fold and the rate, a fraction, of each run.

    Returns:
        The interval; None without runs.
    """
    by_fold: dict[int | None, list[float]] = {}
    for fold, rate in rates:
        by_fold.setdefault(fold, []).append(100 * rate)
    means = [statistics.fmean(values) for values in by_fold.values()]
    if not means:
        return None
    mean = statistics.fmean(means)
    if len(means) == 1:
        return Interval(mean, None, None, 1)
    # A second to import, which only the report should wait for.
    from scipy.stats import t  # type: ignore[import-untyped]

    half = float(t.ppf((1 + LEVEL) / 2, len(means) - 1)) * statistics.stdev(means) / math.sqrt(len(means))
    return Interval(mean, mean - half, mean + half, len(means))
