import io
import re
from dataclasses import replace

import pytest
from rich.console import Console
from tests.data.verification.copies import Copy, dfew_copy, small_copy

from micacl.data.verification.check import check
from micacl.data.verification.report import Finding, Problem, Report
from micacl.data.verification.screen import report_screen


def text(report: Report, width: int = 80, terminal: bool = False) -> str:
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=terminal, color_system="standard" if terminal else None).print(
        report_screen(report)
    )
    return file.getvalue()


def run(copy: Copy) -> Report:
    return check(copy.dataset, copy.listing, copy.located, copy.facts)


@pytest.fixture(scope="module")
def bad() -> Report:
    """DFEW without its first training clip, and with two clips missing."""
    copy = dfew_copy()
    fold = copy.listing.folds[0]
    missing = {"00003": "set.csv, line 4: not there", "00004": "set.csv, line 5: not there"}
    return run(replace(copy.with_fold(1, train=fold.train[1:]), missing=missing))


def test_without_colors_words_say_what_is_wrong_and_what_to_do(bad: Report) -> None:
    shown = text(bad)
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    flat = " ".join(shown.split())
    for finding in bad.findings:
        status = "ok" if finding.is_ok else "WRONG"
        start = re.escape(finding.check.split()[0])
        assert re.search(rf"{status} +{start}", shown), finding
    assert "2: 00003, 00004" in flat
    assert "→ unpack all parts of the data set" in flat
    assert f"{sum(not f.is_ok for f in bad.findings)} of {len(bad.findings)} checks found something WRONG." in flat


def test_counts_stand_beside_the_published_where_they_differ(bad: Report) -> None:
    lines = [line.split() for line in text(bad).splitlines()]
    happiness, _ = (i for i, line in enumerate(lines) if line[:1] == ["happiness"])
    assert lines[happiness][1:3] == ["1955", "489"]
    assert lines[happiness + 1] == ["not", "1956"]
    first, second = (i for i, line in enumerate(lines) if line[:1] == ["all"])
    assert lines[first] == ["all", "9355", "2341", "9356", "2341", "9357", "2340"]
    assert lines[first + 1] == ["not", "9356"]
    assert lines[second] == ["all", "9358", "2339", "9361", "2336"]


def test_colors_follow_the_words(bad: Report) -> None:
    shown = text(bad, terminal=True)
    assert re.search(r"\x1b\[1;31mWRONG", shown)
    assert re.search(r"\x1b\[32mok", shown)
    assert "Everything is as it should be." in text(run(small_copy()))


def test_many_folds_and_classes_fit_the_screen() -> None:
    copy = small_copy()
    folds = tuple(replace(copy.listing.folds[0], number=number) for number in range(1, 13))
    shown = text(run(replace(copy, listing=replace(copy.listing, folds=folds))))
    assert max(map(len, shown.splitlines())) <= 80
    assert all(f"fold {number}" in shown for number in range(1, 13))


def test_names_are_shown_as_they_are() -> None:
    report = Report(
        "folder", ("[bold]x[/bold]", "a\x1b[31m\nb"), (), (Finding("check", "[red]1[/red]\x1b", "", "mend", ()),)
    )
    shown = text(report)
    assert "[red]1[/red]" in shown
    assert "\x1b" not in shown


def test_every_problem_is_in_the_report(bad: Report) -> None:
    assert Problem("00003", "missing", "set.csv, line 4: not there") in bad.problems
