"""Writes and reads ``metrics.csv``: losses, learning rate and recognition rates, one row per epoch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from micacl.errors import UserError
from micacl.run_folder.csv_file import read_csv, write_rows
from micacl.run_folder.record import Run

METRICS_FILE = "metrics.csv"

# The metrics to show first, in this order; a run has one of the two splits.
FIRST = ("test/uar", "validation/uar", "test/war", "validation/war", "train/total")


@dataclass(frozen=True)
class Metrics:
    """The course of a training.

    Attributes:
        epoch: The epochs in their order, counted from 1.
        columns: For each metric its value at each epoch; None where it was not measured or is not finite.
        not_finite: The metrics that were NaN or infinite at some epoch, each with the first such epoch.
    """

    epoch: tuple[int, ...]
    columns: Mapping[str, tuple[float | None, ...]]
    not_finite: Mapping[str, int]


def write_metrics(folder: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Writes ``metrics.csv``, whole or not at all.

    Args:
        folder: The run folder.
        rows: The metrics of each epoch, `epoch` among them, counted from 1.

    Raises:
        UserError: If the folder cannot be written to.
    """
    write_rows(folder / METRICS_FILE, rows)


def read_metrics(run: Run) -> Metrics:
    """Reads a run's metrics.csv.

    Args:
        run: The run whose metrics to read; it may still be running.

    Raises:
        UserError: If the file is missing, empty or damaged.
    """
    path = run.folder / METRICS_FILE
    columns, rows = read_csv(path, f"the run ({run.status}) has not finished an epoch")
    names = [name for name in columns if name != "epoch"]
    try:
        epoch = tuple(int(float(row["epoch"])) for row in rows)
        table = {name: [float(row[name]) if row[name] else None for row in rows] for name in names}
    except KeyError as error:
        raise UserError(f"{path} is damaged: it has no column {error}.") from error
    except (ValueError, OverflowError) as error:
        raise UserError(f"{path} is damaged: {error}.") from error
    if not rows:
        raise UserError(f"{path} holds no epoch.")
    bad = {}
    for name, values in table.items():
        at = [e for e, value in zip(epoch, values, strict=True) if value is not None and not math.isfinite(value)]
        if at:
            bad[name] = at[0]
    finite = {
        name: tuple(value if value is not None and math.isfinite(value) else None for value in values)
        for name, values in table.items()
    }
    return Metrics(epoch, finite, bad)


def is_rate(metric: str) -> bool:
    """Tells whether a metric is a fraction that people read as per cent."""
    return metric.endswith(("/war", "/uar")) or "/recall_" in metric
