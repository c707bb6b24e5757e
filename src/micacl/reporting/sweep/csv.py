"""Writes a sweep's summary for programs: one CSV, every number in a column of its own."""

import csv
import io
from collections.abc import Iterable, Iterator

from micacl.reporting.published import PublishedRow, PublishedTable
from micacl.reporting.sweep.aggregate import SettingRow, Spread
from micacl.reporting.sweep.read import FailedJob, Summary, SummaryTable

RATES = ("war", "uar", "best_on_test_war", "best_on_test_uar")


def summary_csv(summary: Summary) -> str:
    """Writes a summary as CSV text.

    Rates are per cent with 4 decimals, an empty cell is an undefined one. The column `kind` tells rows apart:

    - `ours`: a setting's mean and deviation over its `n` runs out of `jobs`.
    - `failed`: a job without a result; `status` and `error` say why.
    - `published`: a printed figure; its WAR and UAR are test-selected and so are in the `best_on_test_` columns.

    `table` counts the tables of the summary: rows of two tables differ in data set or classes and cannot be compared.

    Args:
        summary: The summary of the sweep.
    """
    class_names = list(dict.fromkeys(name for table in summary.tables for name in _class_names(table)))
    columns = ["table", "dataset", "kind", "setting", "protocol", "headline", "n", "jobs", "folds", "seeds"]
    columns += [f"{rate}_{part}" for rate in RATES for part in ("mean", "std")]
    columns += [f"recall_{name}_{part}" for name in class_names for part in ("mean", "std", "n")]
    columns += ["job", "fold", "seed", "status", "error", "source"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(summary))
    return text.getvalue()


def _class_names(table: SummaryTable) -> Iterator[str]:
    """Lists the classes of a table and of its published rows: every run may have failed before it read its data."""
    yield from table.class_names
    for row in () if table.published is None else table.published.rows:
        yield from row.recall or ()


def _rows(summary: Summary) -> Iterator[dict[str, object]]:
    for number, table in enumerate(summary.tables, start=1):
        where: dict[str, object] = {"table": number, "dataset": table.dataset}
        for row in table.rows:
            yield where | _ours(row)
        for job in table.failed:
            yield where | _failed(job)
        if table.published is not None:
            for published in table.published.rows:
                yield where | _published(published, table.published)
    for job in summary.unreadable:
        yield _failed(job)


def _ours(row: SettingRow) -> dict[str, object]:
    cells: dict[str, object] = {
        "kind": "ours",
        "setting": row.setting,
        "protocol": row.protocol,
        "headline": row.headline,
        "n": len(row.runs),
        "jobs": row.jobs,
        "folds": _distinct(run.fold for run in row.runs),
        "seeds": _distinct(run.seed for run in row.runs),
    }
    for rate in RATES:
        cells |= _mean_and_std(rate, getattr(row, rate))
    for name, recall in row.recall.items():
        cells |= _mean_and_std(f"recall_{name}", recall)
        cells[f"recall_{name}_n"] = 0 if recall is None else recall.n
    return cells


def _mean_and_std(name: str, rate: Spread | None) -> dict[str, object]:
    return {
        f"{name}_mean": _number(None if rate is None else rate.mean),
        f"{name}_std": _number(None if rate is None else rate.std),
    }


def _failed(job: FailedJob) -> dict[str, object]:
    cells: dict[str, object] = {"kind": "failed", "job": job.job, "status": job.status, "error": job.reason}
    if job.run is not None:
        cells |= {"setting": job.run.setting, "protocol": job.run.protocol}
        cells |= {"fold": job.run.fold, "seed": job.run.seed}
    return cells


def _published(row: PublishedRow, table: PublishedTable) -> dict[str, object]:
    cells: dict[str, object] = {
        "kind": "published",
        "setting": row.method,
        "protocol": row.protocol,
        "headline": "best on test",
        "best_on_test_war_mean": _number(row.war),
        "best_on_test_uar_mean": _number(row.uar),
        "source": f"{table.name} ({table.scope}) of {table.paper}",
    }
    return cells | {f"recall_{name}_mean": _number(rate) for name, rate in (row.recall or {}).items()}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _distinct(numbers: Iterable[int | None]) -> str:
    return " ".join(str(number) for number in sorted({number for number in numbers if number is not None}))
