"""Builds tables for the terminal in one style."""

import textwrap

from rich import box
from rich.table import Table
from rich.text import Text

from micacl.reporting.text import one_line

TITLE_WIDTH = 16  # a class name longer than this is folded in a column's title


def plain_table() -> Table:
    """Makes an empty table without a frame, with two spaces between columns: it reads well in a file too."""
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")


def literal(text: str, style: str = "") -> Text:
    """Makes text that rich shows as it is; in a plain string it would read square brackets as markup."""
    return Text(one_line(text), style=style)


def class_title(name: str) -> Text:
    """Folds a class name into the title of a column."""
    return Text("\n".join(textwrap.wrap(one_line(name), TITLE_WIDTH)))
