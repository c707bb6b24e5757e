"""Reads `published.yaml`, the published figures that are shown beside a sweep's own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

ABLATION_FOLD = 5  # Table III is measured on this fold of DFEW alone


@dataclass(frozen=True)
class PublishedRow:
    """One method's printed figures, in per cent; None where the paper reports none.

    Attributes:
        method: The name as printed; in the ablation table the override that builds the same network here.
        war: Weighted average recall.
        uar: Unweighted average recall.
        recall: The recall by class name.
        gflops: The FLOPs as printed, in units of 10^9; `printed_costs` says what they are worth.
        protocol: "published": every published figure is selected on the test split, and is marked so where it is shown.
    """

    method: str
    war: float
    uar: float
    recall: Mapping[str, float] | None
    gflops: float | None
    protocol: Literal["published"] = "published"


@dataclass(frozen=True)
class PublishedTable:
    """One table of the paper.

    Attributes:
        paper: The authors, title and identifier of the paper.
        name: The table's name in the paper.
        dataset: The `dataset.name` that the figures are for.
        scope: The folds or the split that they cover.
        note: A sentence that a reader must know about these figures, if any.
        rows: The methods in the paper's order.
    """

    paper: str
    name: str
    dataset: str
    scope: str
    note: str | None
    rows: tuple[PublishedRow, ...]


@dataclass(frozen=True)
class PrintedCosts:
    """The costs that the paper prints.

    Attributes:
        table: The name of the table.
        gflops: The FLOPs of each method as printed, in units of 10^9.
        note: A sentence on what the figures are worth.
    """

    table: str
    gflops: Mapping[str, float]
    note: str


@cache
def published_tables() -> tuple[PublishedTable, ...]:
    """Reads every table of `published.yaml`, in the paper's order."""
    content = _content()
    names = content["class_names"]
    return tuple(
        PublishedTable(
            paper=content["paper"],
            name=table["name"],
            dataset=table["dataset"],
            scope=table["scope"],
            note=table["note"],
            rows=tuple(
                PublishedRow(
                    method=row["method"],
                    war=row["war"],
                    uar=row["uar"],
                    recall=None if row["recall"] is None else dict(zip(names, row["recall"], strict=True)),
                    gflops=row["gflops"],
                )
                for row in table["rows"]
            ),
        )
        for table in content["tables"]
    )


def printed_costs() -> PrintedCosts:
    """Reads the column FLOPs of Table I."""
    (table,) = [table for table in _content()["tables"] if "gflops_note" in table]
    gflops = {row["method"]: row["gflops"] for row in table["rows"] if row["gflops"] is not None}
    return PrintedCosts(table["name"], gflops, table["gflops_note"])


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(files("micacl.reporting").joinpath("published.yaml").read_text("utf-8"))
    return content


def published_for(dataset: str, settings: Collection[str], folds: Collection[int | None]) -> PublishedTable | None:
    """Finds the published table that suits a sweep.

    Args:
        dataset: The data set's name, as in run.json.
        settings: The settings of the sweep; `ablation=...` among them asks for the paper's ablation.
        folds: The folds of the sweep's runs. The ablation was published for fold 5 alone.

    Returns:
        The table; None where nothing was published for the data set.
    """
    is_ablation = any(override.startswith("ablation=") for setting in settings for override in setting.split())
    ablation = is_ablation and set(folds) == {ABLATION_FOLD}
    for table in published_tables():
        if table.dataset == dataset and (table.name == "Table III") == ablation:
            return table
    return None
