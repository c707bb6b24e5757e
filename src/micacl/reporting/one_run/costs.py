"""Describes the costs of a run's network beside those that the paper prints, for the terminal and the page."""

from pathlib import Path
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from micacl.reporting.console import literal, plain_table
from micacl.reporting.published import printed_costs
from micacl.reporting.text import UNDEFINED, one_line
from micacl.run_folder.record import Run, read_run


class CostRow(NamedTuple):
    """One cost: its name, its value with the unit, and what it is."""

    name: str
    value: str
    meaning: str


def costs_table(run_folder: Path) -> RenderableType:
    """Lays out the costs of a run's network for a terminal of 80 columns.

    Args:
        run_folder: The folder of a run.

    Raises:
        UserError: If the folder is not that of a run.
    """
    table = plain_table()
    table.add_column("one clip", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for name, value, meaning in (*measured_costs(read_run(run_folder)), *published_costs()):
        table.add_row(literal(name), value, literal(meaning))
    return Group(table, Text(""), literal(printed_costs().note, "dim"), Text(""))


def measured_costs(run: Run) -> list[CostRow]:
    """Describes the costs that a run has recorded; nothing where it has recorded none.

    Args:
        run: The run.
    """
    costs = run.costs
    if costs is None:
        return []
    shape = "x".join(map(str, costs.clip_shape))
    where = one_line(f"{run.device or UNDEFINED}, {run.precision or UNDEFINED}")
    return [
        CostRow("parameters", f"{costs.parameters / 1e6:.2f} M", "all of the network"),
        CostRow("multiply-adds", _giga(costs.multiply_adds), f"convolutions and matrix products of {shape}, computed"),
        CostRow(
            "with padding",
            _giga(costs.multiply_adds_with_padding),
            "the same and the temporal taps that meet padding alone, as r3d_18 is counted",
        ),
        CostRow("latency", f"{costs.latency_ms:.1f} ms", f"median of {costs.latency_repeats}, batch of 1, {where}"),
    ]


def published_costs() -> list[CostRow]:
    """Describes the costs that the paper prints, of its network and of M3DFEL, on which that is built."""
    printed = printed_costs()
    return [
        CostRow(f"{name}, printed", f"{printed.gflops[name]:.2f} G", f"FLOPs of {printed.table}")
        for name in ("MICACL", "M3DFEL")
    ]


def _giga(number: int) -> str:
    return f"{number / 1e9:.2f} G"
