"""Markdown tables that show every text as it is, whatever it contains."""

import re
from collections.abc import Sequence
from typing import Literal

from micacl.reporting.text import one_line

Align = Literal["left", "right"]


def escape(text: str) -> str:
    r"""Makes GitHub show `text` itself: no markup, no HTML, no formula, no new cell.

    >>> print(escape("a|b <script> *c*"))
    a\|b &lt;script&gt; \*c\*
    """
    entities = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|~$#!^])", r"\\\1", entities)


def markdown_table(header: Sequence[str], align: Sequence[Align], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table; columns are padded, so that the source can be read as well.

    Args:
        header: one title for each column.
        align: one side for each column.
        rows: the cells; every text is escaped here.
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
