"""How far a mean over folds may be off: Student's interval."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and where it may lie, in per cent.

    Attributes:
        mean: Over the folds.
        low: Lower end of the 95 % interval; None for a single fold.
        high: Upper end; it may pass 100, as the interval takes the folds' rates to be normal.
        folds: How many there are.
    """

    mean: float
    low: float | None
    high: float | None
    folds: int


def interval(rates: Sequence[tuple[int | None, float]]) -> Interval | None:
    """Student's interval over folds; seeds of a fold are averaged first, as they are no folds of their own.

    Args:
        rates: Fold and rate, a fraction, of each run.

    Returns:
        None without runs.
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
