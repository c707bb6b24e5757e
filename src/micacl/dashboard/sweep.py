"""Logs the end of a sweep to W&B: one run in its group with the summary tables, ours beside the published rows."""

import csv
import io
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from micacl.dashboard.session import start_session
from micacl.errors import UserError
from micacl.reporting.sweep.csv import summary_csv
from micacl.reporting.sweep.read import Summary
from micacl.run_folder.config import read_options

log = logging.getLogger(__name__)


def log_sweep(folder: Path, summary: Summary) -> None:
    """Logs a sweep's summary as a run of its own, if its jobs were logged to W&B.

    Args:
        folder: The sweep's folder, by whose name its jobs are grouped; it gets a ``wandb`` folder.
        summary: The summary of the sweep.
    """
    project = _project(summary)
    if project is None:
        return
    config = {"sweep": folder.name, "jobs": sum(len(table.runs) for table in summary.tables)}
    session = start_session(folder, project, f"summary of {folder.name}", folder.name, config, "summary")
    if not session.active:
        return
    try:
        tables = _tables(summary)
    except Exception as error:  # W&B's own objects: the summary's files have everything
        log.warning("W&B did not take the summary (%s); summary.csv has it", error)
        tables = {}
    session.log(tables)
    session.finish(failed=False)


def _project(summary: Summary) -> str | None:
    """Finds the W&B project of the first job that has one."""
    for table in summary.tables:
        for run in table.runs:
            try:
                config = read_options(run.folder)
            except UserError:
                continue
            if config.get("logger.name") == "wandb":
                return config.get("logger.project")
    return None


def _tables(summary: Summary) -> dict[str, Any]:
    """Makes one table of the rows of summary.csv per data set; columns without any value are left out."""
    rows = list(csv.DictReader(io.StringIO(summary_csv(summary))))
    numbers = dict.fromkeys(row["table"] for row in rows)
    names = {number: "summary" if len(numbers) == 1 else f"summary_{number or 'unreadable'}" for number in numbers}
    return {name: _table([row for row in rows if row["table"] == number]) for number, name in names.items()}


def _table(rows: Sequence[Mapping[str, str]]) -> Any:
    import wandb

    columns = [name for name in rows[0] if name != "table" and any(row[name] for row in rows)]
    return wandb.Table(columns=[*columns], data=[[_cell(name, row[name]) for name in columns] for row in rows])


def _cell(column: str, text: str) -> str | float | None:
    """Converts rates and counts to numbers, so that W&B can sort them."""
    if not text:
        return None
    return float(text) if column.endswith(("_mean", "_std", "_n")) or column in ("n", "jobs") else text
