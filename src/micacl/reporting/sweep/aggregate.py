"""Computes the mean and the standard deviation of each setting over its folds and seeds."""

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from micacl.reporting.text import percent
from micacl.run_folder.record import BestOnTest, Results, Run


@dataclass(frozen=True)
class Spread:
    """The mean and deviation of a rate over the runs of a setting, in per cent.

    Attributes:
        mean: The mean over the runs in which the rate is defined.
        std: The sample standard deviation (ddof=1); None for a single run.
        n: The number of those runs.
    """

    mean: float
    std: float | None
    n: int


@dataclass(frozen=True)
class SettingRow:
    """One setting of a sweep.

    Attributes:
        setting: The overrides that its runs share, or "default".
        protocol: "published" or "holdout".
        headline: How the epoch of the figures was chosen, in words; "" where no run has finished.
        runs: The runs with a result, in the order of the sweep.
        jobs: The number of jobs of the setting, those without a result included.
        war: Weighted average recall.
        uar: Unweighted average recall.
        best_on_test_war: The highest test WAR over all epochs.
        best_on_test_uar: The highest test UAR over all epochs, whose epoch may be another.
        recall: The recall by class name; None for a class with no test clip in any run.
    """

    setting: str
    protocol: str
    headline: str
    runs: tuple[Run, ...]
    jobs: int
    war: Spread | None
    uar: Spread | None
    best_on_test_war: Spread | None
    best_on_test_uar: Spread | None
    recall: Mapping[str, Spread | None]


def spread(rates: Iterable[float | None]) -> Spread | None:
    """Computes the mean and the sample standard deviation of rates.

    Args:
        rates: The rates as fractions; None, an undefined rate, is left out.

    Returns:
        Both in per cent; None where no rate is defined.
    """
    defined = [100 * rate for rate in rates if rate is not None]
    if not defined:
        return None
    std = statistics.stdev(defined) if len(defined) > 1 else None
    return Spread(mean=statistics.fmean(defined), std=std, n=len(defined))


def complete(run: Run) -> bool:
    """Checks whether a run has finished and measured a WAR and a UAR."""
    results = run.results
    return run.status == "finished" and results is not None and results.war is not None and results.uar is not None


def setting_rows(runs: Sequence[Run], class_names: Sequence[str]) -> tuple[SettingRow, ...]:
    """Makes one row for each setting, in the order of its first job.

    Runs are never averaged over two protocols or two choices of epoch: those make rows of their own.

    Args:
        runs: The runs on one data set and one set of classes, failed and unfinished ones included.
        class_names: The names of those classes.
    """
    jobs: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        jobs.setdefault((run.setting, run.protocol), []).append(run)
    rows = []
    for (setting, protocol), members in jobs.items():
        by_headline: dict[str, list[Run]] = {}
        for run in filter(complete, members):
            by_headline.setdefault(_choice(_results(run).headline), []).append(run)
        without_result = sum(not complete(run) for run in members)
        for headline, finished in (by_headline or {"": []}).items():
            rows.append(_row(setting, protocol, headline, finished, len(finished) + without_result, class_names))
    return tuple(rows)


def _row(
    setting: str, protocol: str, headline: str, finished: Sequence[Run], jobs: int, class_names: Sequence[str]
) -> SettingRow:
    results = [_results(run) for run in finished]
    best = [result.best_on_test or BestOnTest(None, None, None, None) for result in results]
    return SettingRow(
        setting=setting,
        protocol=protocol,
        headline=headline,
        runs=tuple(finished),
        jobs=jobs,
        war=spread(result.war for result in results),
        uar=spread(result.uar for result in results),
        best_on_test_war=spread(epoch.war for epoch in best),
        best_on_test_uar=spread(epoch.uar for epoch in best),
        recall={name: spread(result.recall[name] for result in results) for name in class_names},
    )


def _choice(headline: str) -> str:
    """Says how the epoch was chosen: "epoch 7, chosen by ..." without the number, which differs from run to run."""
    return re.sub(r" \d+,?", "", headline)


def _results(run: Run) -> Results:
    assert run.results is not None  # `complete` has seen to it
    return run.results


def mean_and_std(rate: Spread | None) -> str:
    """Writes `61.23 ± 1.20`, without the deviation for a single run."""
    if rate is None or rate.std is None:
        return percent(None if rate is None else rate.mean)
    return f"{percent(rate.mean)} ± {percent(rate.std)}"


def runs_of_jobs(row: SettingRow) -> str:
    """Writes `5`, or `3 of 5` where jobs have no result."""
    return str(row.jobs) if len(row.runs) == row.jobs else f"{len(row.runs)} of {row.jobs}"
