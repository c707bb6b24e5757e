"""Builds charts of the page in one style: plain values for Plotly, named colours, and a legend made of buttons.

A chart is JSON. `page.js` puts the page's colours in place of their names, so that one chart suits day and night, and
draws the legend itself: Plotly's own cannot be reached with the keyboard.
"""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from micacl.reporting.palette import DASHES, OKABE_ITO
from micacl.reporting.text import one_line

INK = "var(--ink)"
FAINT = "var(--faint)"
LINE = "var(--line)"

# Plotly's name of each mark, and the same as a letter for the legend.
SYMBOLS = (
    ("circle", "●"), ("square", "■"), ("triangle-up", "▲"), ("diamond", "◆"), ("star", "★"), ("triangle-down", "▼"),
    ("pentagon", "⬟"), ("hexagon", "⬢"),
)  # fmt: skip


@dataclass(frozen=True)
class LegendEntry:
    """A button that shows and hides the traces of a group.

    Attributes:
        group: The `legendgroup` of its traces.
        name: The text beside the mark.
        mark: The mark, a letter.
        color: The name of the colour.
        shown: Whether its traces are shown at first.
    """

    group: str
    name: str
    mark: str
    color: str
    shown: bool = True


@dataclass(frozen=True)
class Figure:
    """One chart.

    Attributes:
        data: Plotly's traces.
        layout: Plotly's layout.
        height: The height in pixels.
        narrow: The changes of the layout on a narrow screen.
        narrow_height: The height on a narrow screen in pixels; None for the same.
        max_width: The largest width in pixels; None for all the room there is.
        legend: The buttons of the legend.
        clips: The clips to show on hovering, found by a point's `customdata`; only in t-SNE.
    """

    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    height: int
    narrow: Mapping[str, Any] = field(default_factory=dict)
    narrow_height: int | None = None
    max_width: int | None = None
    legend: Sequence[LegendEntry] = ()
    clips: Mapping[str, Any] | None = None


def color(position: int) -> str:
    """Names the colour of a class or a setting."""
    return f"var(--c{position % len(OKABE_ITO)})"


def symbol(position: int) -> tuple[str, str]:
    """Returns Plotly's name of the mark of a class or a setting, and the mark; a ninth one differs from the first."""
    return SYMBOLS[(position + position // len(OKABE_ITO)) % len(SYMBOLS)]


def dash(position: int) -> str:
    """Names the dashes of a setting's line."""
    return DASHES[position % len(DASHES)]


def nth(number: int) -> str:
    """Returns the ending of Plotly's name of an axis, counted from 1: the first has none."""
    return "" if number == 1 else str(number)


def plain(text: str) -> str:
    """Escapes a name so that Plotly shows it literally: it reads a few HTML tags, and formulas between dollar signs."""
    return html.escape(one_line(text), quote=False).replace("$", "&#36;")


def rounded(values: ArrayLike, digits: int = 4) -> list[Any]:
    """Rounds numbers for JSON; undefined ones become null."""
    array = np.asarray(values, dtype=np.float64).round(digits)
    return [None if np.isnan(value) else value for value in array.tolist()]


def axis(title: str, **options: Any) -> dict[str, Any]:
    """Makes an axis in the style of all charts."""
    return {
        "title": {"text": title},
        "gridcolor": LINE,
        "linecolor": LINE,
        "zeroline": False,
        "automargin": True,
    } | options


def layout(**options: Any) -> dict[str, Any]:
    """Makes a layout in the style of all charts."""
    base = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": INK, "size": 13, "family": "system-ui, sans-serif"},
        "margin": {"l": 55, "r": 12, "t": 28, "b": 45},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
        "hoverlabel": {"bgcolor": "var(--paper)", "bordercolor": LINE, "font": {"color": INK}},
    }
    return base | options
