"""Writes a sweep's summary for people: Markdown tables as GitHub renders them."""

import re
from collections.abc import Sequence
from typing import Literal

from micacl.reporting.published import PublishedRow, PublishedTable
from micacl.reporting.sweep.aggregate import SettingRow, mean_and_std, runs_of_jobs
from micacl.reporting.sweep.read import FAILED_COLUMNS, FailedJob, Summary, SummaryTable
from micacl.reporting.text import UNDEFINED, describe_data, one_line, percent


def summary_markdown(summary: Summary) -> str:
    """Writes a summary as Markdown text.

    Args:
        summary: The summary of the sweep.
    """
    names = ", ".join(folder.resolve().name for folder in summary.folders)
    lines = [f"# Sweep {escape(names)}", ""]
    for table in summary.tables:
        lines += _section(table)
    if summary.unreadable:
        lines += ["## Jobs that cannot be read", "", *_failed(summary.unreadable), ""]
    return "\n".join(lines)


def _section(table: SummaryTable) -> list[str]:
    header = ["setting", "runs", "WAR", "UAR", "best-on-test WAR", "best-on-test UAR", *table.class_names, "protocol"]
    align: list[Align] = ["left", *["right" for _ in header[1:-1]], "left"]  # type: ignore[list-item]
    rows = [_ours(row) for row in table.rows]
    if table.published is not None:
        rows += [_published(row, table.published, table.class_names) for row in table.published.rows]
    lines = [f"## {escape(describe_data(table.dataset, table.class_names))}", ""]
    lines += [*markdown_table(header, align, rows), ""]
    lines += [*(f"- {escape(note)}" for note in table.footnotes), ""]
    if table.failed:
        lines += ["### Jobs without a result", "", *_failed(table.failed), ""]
    return lines


def _ours(row: SettingRow) -> list[str]:
    return [
        row.setting,
        runs_of_jobs(row),
        mean_and_std(row.war),
        mean_and_std(row.uar),
        mean_and_std(row.best_on_test_war),
        mean_and_std(row.best_on_test_uar),
        *(mean_and_std(recall) for recall in row.recall.values()),
        f"{row.protocol}, {row.headline}" if row.headline else row.protocol,
    ]


def _published(row: PublishedRow, table: PublishedTable, class_names: Sequence[str]) -> list[str]:
    recall = row.recall or {}
    return [
        f"{row.method} ({table.name})",
        UNDEFINED,
        UNDEFINED,
        UNDEFINED,
        percent(row.war),
        percent(row.uar),
        *(percent(recall.get(name)) for name in class_names),
        f"{row.protocol}, best on test",
    ]


def _failed(jobs: Sequence[FailedJob]) -> list[str]:
    align: list[Align] = ["left", "left", "right", "right", "left", "left"]
    return markdown_table(FAILED_COLUMNS, align, [job.cells for job in jobs])


Align = Literal["left", "right"]


def escape(text: str) -> str:
    r"""Makes GitHub show `text` itself: no markup, no HTML, no formula, no new cell.

    >>> print(escape("a|b <script> *c*"))
    a\|b &lt;script&gt; \*c\*
    """
    entities = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|~$#!^])", r"\\\1", entities)


def markdown_table(header: Sequence[str], align: Sequence[Align], rows: Sequence[Sequence[str]]) -> list[str]:
    """Writes the lines of a table, with padded columns, so that the source can be read as well.

    Args:
        header: The title of each column.
        align: The side to which each column is aligned.
        rows: The cells of each row; every text is escaped here.
    """
    cells = [[escape(cell) for cell in row] for row in (header, *rows)]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(header))]
    rule = ["-" * (width - 1) + (":" if side == "right" else "-") for width, side in zip(widths, align, strict=True)]
    lines = []
    for row in (cells[0], rule, *cells[1:]):
        padded = [
            cell.rjust(width) if side == "right" else cell.ljust(width)
            for cell, width, side in zip(row, widths, align, strict=True)
        ]
        lines.append(f"| {' | '.join(padded)} |")
    return lines
