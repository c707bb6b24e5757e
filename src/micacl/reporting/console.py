"""The look that all tables on the screen share."""

import textwrap

from rich import box
from rich.table import Table
from rich.text import Text

from micacl.reporting.text import one_line

TITLE_WIDTH = 16  # a class name longer than this is folded in a column's title


def plain_table() -> Table:
    """An empty table without a frame, two spaces between its columns: as good in a file as on a terminal."""
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")


def literal(text: str, style: str = "") -> Text:
    """A name or a message as it is: rich would read square brackets in a plain string as markup."""
    return Text(one_line(text), style=style)


def class_title(name: str) -> Text:
    """A class name as the title of a column."""
    return Text("\n".join(textwrap.wrap(one_line(name), TITLE_WIDTH)))
