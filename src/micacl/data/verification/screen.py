"""Lays the result of the check out as tables that fit 80 columns and can be read without colours."""

from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from micacl.data.verification.report import Finding, PartCounts, Report

# Folds side by side.
FOLDS_AT_ONCE = 3
# Widths of the columns for status, check, found and expected.
WIDTHS = (5, 35, 22, 14)
OK, WRONG = "green", "bold red"


def report_screen(report: Report) -> RenderableType:
    """Lays a report out for the terminal, or as plain text if the output is no terminal.

    Args:
        report: The result of the check.
    """
    parts: list[RenderableType] = []
    folds = sorted({row.fold for row in report.counts})
    for start in range(0, len(folds), FOLDS_AT_ONCE):
        shown = folds[start : start + FOLDS_AT_ONCE]
        parts += [_counts(report, [row for row in report.counts if row.fold in shown]), Text("")]
    parts += [*_findings(report.findings), Text(""), _verdict(report)]
    return Group(*parts)


def _counts(report: Report, rows: list[PartCounts]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("clips", overflow="fold")
    for row in rows:
        table.add_column(f"fold {row.fold}\n{row.part}", justify="right", no_wrap=True)
    for label, name in enumerate(report.class_names):
        table.add_row(_literal(name), *(_class_count(row, label) for row in rows))
    table.add_section()
    table.add_row("all", *(_total(row) for row in rows))
    return table


def _class_count(row: PartCounts, label: int) -> Text:
    count = str(row.counts[label])
    if row.published is None or row.published.per_class is None:
        return Text(count)
    if row.class_is_ok(label):
        return Text(count, OK)
    about = "~" if row.published.within else ""
    return Text(f"{count}\nnot {about}{row.published.per_class[label]}", WRONG)


def _total(row: PartCounts) -> Text:
    total = str(sum(row.counts))
    if row.published is None:
        return Text(total)
    return Text(total, OK) if row.total_is_ok else Text(f"{total}\nnot {row.published.total}", WRONG)


def _findings(findings: tuple[Finding, ...]) -> Iterator[RenderableType]:
    """Makes a row for each finding, with the advice below it over the whole width."""
    yield _row(Text(""), Text("check"), Text("found"), Text("expected"), style="bold")
    yield Rule(style="")
    for finding in findings:
        status = Text("ok", OK) if finding.is_ok else Text("WRONG", WRONG)
        yield _row(status, _literal(finding.check), _literal(finding.found), _literal(finding.expected))
        if finding.advice:
            yield Padding(Text(f"→ {finding.advice}", WRONG), (0, 0, 0, WIDTHS[0] + 1))


def _row(*cells: Text, style: str = "") -> Table:
    """Makes one row; the fixed widths align all rows."""
    table = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
    for width in WIDTHS:
        table.add_column(width=width, overflow="fold")
    table.add_row(*cells, style=style)
    return table


def _verdict(report: Report) -> Text:
    if report.passed:
        return Text("Everything is as it should be.", OK)
    wrong = sum(not finding.is_ok for finding in report.findings)
    return Text(f"{wrong} of {len(report.findings)} checks found something WRONG.", WRONG)


def _literal(text: str) -> Text:
    """Makes text of a name, without markup, line breaks and control characters, which could rewrite a terminal."""
    return Text(" ".join("".join(char if char.isprintable() else " " for char in text).split()))
