"""Lays out a sweep's summary for the terminal: tables that fit it, and plain text where there is none."""

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from micacl.reporting.console import class_title, literal, plain_table
from micacl.reporting.sweep.aggregate import Spread, runs_of_jobs
from micacl.reporting.sweep.read import FailedJob, Summary, SummaryTable
from micacl.reporting.text import UNDEFINED, describe_data, percent

SETTING_WIDTH = 14  # what a setting keeps on a narrow terminal; it is folded there, and takes what room there is
RECALL_WIDTH = 7  # "± 10.25"
GAP = 2  # between two columns


def summary_screen(summary: Summary) -> RenderableType:
    """Lays a summary out for the terminal.

    Args:
        summary: The summary of the sweep.
    """
    parts: list[RenderableType] = []
    for table in summary.tables:
        parts += _section(table)
    if summary.unreadable:
        parts += [literal("Jobs that cannot be read", "bold red"), Text(""), _failed(summary.unreadable)]
    return Group(*parts)


def _section(table: SummaryTable) -> Iterator[RenderableType]:
    yield literal(f"{describe_data(table.dataset, table.class_names)}, per cent", "bold")
    yield Text("")
    yield _rates(table)
    yield Text("")
    if table.class_names:
        yield _Recalls(table)
    for note in table.footnotes:
        yield literal(note, "dim")
        yield Text("")
    if table.failed:
        yield literal("Jobs without a result", "bold red")
        yield Text("")
        yield _failed(table.failed)
        yield Text("")


def _rates(table: SummaryTable) -> Table:
    grid = plain_table()
    grid.add_column("setting", overflow="fold", min_width=SETTING_WIDTH)
    for title in ("runs", "WAR", "UAR", "best-on-test\nWAR", "best-on-test\nUAR"):
        grid.add_column(title, justify="right", no_wrap=True)
    for row in table.rows:
        rates = (row.war, row.uar, row.best_on_test_war, row.best_on_test_uar)
        grid.add_row(literal(row.setting), runs_of_jobs(row), *map(_stacked, rates))
    if table.published is not None:
        grid.add_section()
        for published in table.published.rows:
            best = (percent(published.war), percent(published.uar))
            grid.add_row(literal(published.method), published.protocol, UNDEFINED, UNDEFINED, *best, style="dim")
    return grid


class _Recalls:
    """Splits the recalls into as many tables as it takes to give every class a column that can be read."""

    def __init__(self, table: SummaryTable) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width - SETTING_WIDTH
        parts: list[list[str]] = [[]]
        used = 0
        for name in self.table.class_names:
            title = Measurement.get(console, options, class_title(name))
            width = max(title.maximum, RECALL_WIDTH) + GAP
            if parts[-1] and used + width > room:
                parts.append([])
                used = 0
            parts[-1].append(name)
            used += width
        for names in parts:
            yield Text("Recall" if names == parts[0] else "Recall, continued", style="bold")
            yield Text("")
            yield _recalls(self.table, names)
            yield Text("")


def _recalls(table: SummaryTable, names: Sequence[str]) -> Table:
    grid = plain_table()
    grid.add_column("setting", overflow="fold", min_width=SETTING_WIDTH)
    for name in names:
        grid.add_column(class_title(name), justify="right", no_wrap=True)
    for row in table.rows:
        grid.add_row(literal(row.setting), *(_stacked(row.recall[name]) for name in names))
    if table.published is not None:
        grid.add_section()
        for published in table.published.rows:
            if published.recall is not None:
                recall = (percent(published.recall.get(name)) for name in names)
                grid.add_row(literal(published.method), *recall, style="dim")
    return grid


def _stacked(rate: Spread | None) -> Text:
    """Puts the deviation below the mean: side by side, seven classes would not fit 80 columns."""
    text = Text(percent(None if rate is None else rate.mean))
    if rate is not None and rate.std is not None:
        text.append(f"\n± {percent(rate.std)}", style="dim")
    return text


def _failed(jobs: Sequence[FailedJob]) -> Table:
    grid = plain_table()
    grid.add_column("job", overflow="fold")
    grid.add_column("setting", overflow="fold")
    grid.add_column("fold", justify="right", no_wrap=True)
    grid.add_column("seed", justify="right", no_wrap=True)
    grid.add_column("status", no_wrap=True, style="red")
    grid.add_column("reason", overflow="fold", ratio=1)
    for job in jobs:
        grid.add_row(*map(literal, job.cells))
    return grid
