"""Draws the recall of every class over its number of training clips, head to tail."""

import numpy as np

from micacl.reporting.page.comparison import Comparison, Setting
from micacl.reporting.page.figure import (
    FAINT,
    INK,
    Figure,
    LegendEntry,
    axis,
    color,
    dash,
    layout,
    plain,
    rounded,
    symbol,
)
from micacl.reporting.published import PublishedRow

BESIDE = 0.12  # of the distance of two classes to each side is for the settings, so that their bars do not overlap


def tail_figure(comparison: Comparison) -> Figure | None:
    """Draws recalls above and numbers of clips below; the pair is shown at first, the other settings by their button.

    Args:
        comparison: The runs to compare.
    """
    if not comparison.settings:
        return None
    order = comparison.head_to_tail
    names = [plain(comparison.class_names[k]) for k in order]
    data: list[dict[str, object]] = []
    legend = []
    for setting in comparison.settings:
        shown = setting in comparison.pair
        data.append(_recall(comparison, setting, names) | {"visible": shown})
        mark = symbol(setting.position)[1]
        legend.append(LegendEntry(setting.label, setting.label, mark, color(setting.position), shown))
    for row in _printed(comparison):
        name = f"{row.method}, published (test-selected)"
        recall = [(row.recall or {}).get(comparison.table.class_names[k]) for k in order]
        data.append(_line(names, recall, name, INK, "x-thin-open", "longdash") | {"visible": False})
        legend.append(LegendEntry(name, name, "✕", INK, shown=False))
    part, counts = comparison.frequency
    if counts:
        data.append(_clips(names, [counts[k] for k in order], part))
    plot = layout(
        xaxis=axis("", showgrid=False, anchor="y2", tickvals=list(range(len(names))), ticktext=names),
        yaxis=axis("recall %", range=[-3, 103], domain=[0.34, 1]),
        yaxis2=axis(f"{part} clips", domain=[0, 0.26], nticks=3, range=[0, 1.25 * max(counts, default=1)]),
    )
    return Figure(data, plot, 470, legend=legend)


def _printed(comparison: Comparison) -> list[PublishedRow]:
    """Finds the paper's own method: the last row of a published table."""
    published = comparison.table.published
    return [] if published is None else [row for row in published.rows[-1:] if row.recall is not None]


def _recall(comparison: Comparison, setting: Setting, names: list[str]) -> dict[str, object]:
    spreads = [setting.row.recall[comparison.table.class_names[k]] for k in comparison.head_to_tail]
    means = [None if spread is None else spread.mean for spread in spreads]
    position = setting.position
    line = _line(names, means, setting.label, color(position), symbol(position)[0], dash(position))
    middle = (len(comparison.settings) - 1) / 2
    line["x"] = rounded(np.arange(len(names)) + BESIDE * (position - middle) / max(middle, 1))
    deviation = [None if spread is None else spread.std for spread in spreads]
    if any(std is not None for std in deviation):
        line["error_y"] = {"array": deviation, "color": color(position), "thickness": 1.5, "width": 5}
    return line


def _line(
    names: list[str], recall: list[float | None], name: str, line_color: str, mark: str, dashes: str
) -> dict[str, object]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(range(len(names))),
        "y": recall,
        "customdata": names,
        "legendgroup": name,
        "text": plain(name),
        "hovertemplate": "%{text}<br>%{customdata}: recall %{y:.2f} %<extra></extra>",
        "line": {"color": line_color, "width": 2.5, "dash": dashes},
        "marker": {"color": line_color, "size": 10, "symbol": mark, "line": {"width": 1.5, "color": line_color}},
    }


def _clips(names: list[str], counts: list[float], part: str) -> dict[str, object]:
    return {
        "type": "bar",
        "x": list(range(len(names))),
        "y": rounded(counts, 1),
        "customdata": names,
        "text": [f"{count:,.0f}" for count in counts],
        "textposition": "outside",
        "textangle": 0,
        "cliponaxis": False,
        "yaxis": "y2",
        "marker": {"color": FAINT},
        "hovertemplate": f"%{{customdata}}: %{{y:,.0f}} {part} clips<extra></extra>",
    }
