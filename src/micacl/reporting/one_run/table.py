"""Lays out the results of one run: the recall of each class, and WAR and UAR beside chance and best-on-test."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from micacl.errors import UserError
from micacl.reporting.console import literal, plain_table
from micacl.reporting.text import UNDEFINED, describe, number, one_line, percent
from micacl.run_folder.predictions import disagreement, read_confusion
from micacl.run_folder.record import Results, Run, read_run

BAR_WIDTH = 30
BEST_ON_TEST = "best-on-test: the highest over all epochs, chosen on the test split itself, as published figures are."


def results_table(run_folder: Path) -> RenderableType:
    """Lays out one run's results for a terminal of 80 columns.

    Args:
        run_folder: The folder of a finished run.

    Raises:
        UserError: If the folder is not that of a run, the run has no results, or its predictions are missing or
            damaged.
    """
    run = read_run(run_folder)
    if run.results is None:
        reason = f": {one_line(run.error)}" if run.error else ""
        raise UserError(f"{run_folder} has no results: the run is {run.status}{reason}.")
    counts = read_confusion(run)
    clips = counts.sum(axis=1)
    parts: list[RenderableType] = [
        literal(describe(run), "bold"),
        literal(f"measured at: {run.results.headline}"),
        Text(""),
        _recalls(run.results, clips),
        Text(""),
        _rates(run, run.results, clips),
        Text(""),
    ]
    if run.results.best_on_test is not None:
        parts.append(Text(BEST_ON_TEST, style="dim"))
    parts += [Text(note, style="yellow") for note in disagreement(run.results, counts)]
    return Group(*parts)


def _recalls(results: Results, clips: NDArray[np.int64]) -> Table:
    table = plain_table()
    table.add_column("class", overflow="fold", max_width=24)
    table.add_column("test clips", justify="right", no_wrap=True)
    table.add_column("recall %", justify="right", no_wrap=True)
    table.add_column("")
    for (name, recall), n in zip(results.recall.items(), clips, strict=True):
        bar = Text("no test clip", style="dim") if recall is None else _bar(recall)
        table.add_row(literal(name), str(n), _percent(recall), bar)
    return table


def _bar(recall: float) -> ProgressBar:
    return ProgressBar(1, recall, BAR_WIDTH, complete_style="cyan", finished_style="cyan")


def _rates(run: Run, results: Results, clips: NDArray[np.int64]) -> Table:
    present = int(np.count_nonzero(clips))
    majority = run.class_names[int(clips.argmax())]
    best = results.best_on_test
    table = plain_table()
    table.add_column("")
    table.add_column("measured %", justify="right", no_wrap=True)
    table.add_column("best-on-test %", justify="right", no_wrap=True)
    table.add_column("chance %", justify="right", no_wrap=True)
    table.add_column("chance is", overflow="fold")
    table.add_row(
        "WAR",
        Text(_percent(results.war), style="bold"),
        UNDEFINED if best is None else f"{_percent(best.war)} (epoch {number(best.war_epoch)})",
        _percent(clips.max() / clips.sum()),
        literal(f"always {majority} (majority)"),
    )
    table.add_row(
        "UAR",
        Text(_percent(results.uar), style="bold"),
        UNDEFINED if best is None else f"{_percent(best.uar)} (epoch {number(best.uar_epoch)})",
        _percent(1 / present),
        f"always one class: 1/{present}",
    )
    return table


def _percent(fraction: float | None) -> str:
    return percent(None if fraction is None else 100 * fraction)
