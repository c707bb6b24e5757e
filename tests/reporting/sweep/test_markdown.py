"""Whatever a name contains, a Markdown reader shows it and does nothing with it. markdown-it is the reader."""

import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.run_folders import HOSTILE_NAMES

from micacl.reporting.sweep.markdown import markdown_table
from micacl.reporting.text import one_line


def rendered_cells(markdown: str) -> list[str]:
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown)
    cells = re.findall(r"<t[hd](?: [^>]*)?>(.*?)</t[hd]>", html, flags=re.DOTALL)
    for cell in cells:
        assert "<" not in cell, f"markup in a cell: {cell}"
    return [unescape(cell) for cell in cells]


def check(first: str, second: str) -> None:
    lines = markdown_table([first, "x"], ["left", "right"], [[second, "1"], ["y", "2"]])
    assert rendered_cells("\n".join(lines)) == [one_line(first), "x", one_line(second), "1", "y", "2"]


@pytest.mark.parametrize("name", [*HOSTILE_NAMES, "a\nb", "\\|", "\\", "~~a~~", "![i](u)", "&lt;", "# h", "--- | ---"])
def test_hostile_names(name: str) -> None:
    check(name, name)


@settings(deadline=None)  # a busy machine is no fault of the text
@given(st.text(max_size=30), st.text(alphabet="|\\`*_<>&[]()~$#!^ \n\ra1-:", max_size=20))
def test_any_text(first: str, second: str) -> None:
    check(first, second)


def test_dollars_do_not_open_a_formula() -> None:
    """GitHub reads $...$ as TeX, which markdown-it does not know."""
    assert markdown_table(["$x$"], ["left"], [])[0] == r"| \$x\$ |"


def test_the_source_can_be_read_too() -> None:
    assert markdown_table(["setting", "WAR"], ["left", "right"], [["default", "61.00"], ["a", "5.00"]]) == [
        "| setting |   WAR |",
        "| ------- | ----: |",
        "| default | 61.00 |",
        "| a       |  5.00 |",
    ]
