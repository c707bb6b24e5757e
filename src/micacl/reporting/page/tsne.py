"""Draws the t-SNE of the baseline and of the whole method side by side, as Figure 3 of the paper does."""

from collections.abc import Mapping, Sequence

import numpy as np

from micacl.reporting.one_run.embedding import Embedded
from micacl.reporting.one_run.pictures import Sheet
from micacl.reporting.page.comparison import Comparison
from micacl.reporting.page.figure import Figure, LegendEntry, color, layout, nth, plain, rounded, symbol

CROWDED = 1000  # clips, from which on marks are smaller


def tsne_chart(comparison: Comparison, panels: Sequence[tuple[str, Embedded]], sheet: Sheet | None) -> Figure | None:
    """Draws the test clips: color and mark are the label, a hollow mark is a wrong prediction.

    Args:
        comparison: The comparison that the runs belong to.
        panels: The title and the clips of each run, at most two.
        sheet: The clips' middle frames, if recorded.
    """
    drawn = [(title, embedded) for title, embedded in panels if embedded.points is not None]
    if not drawn:
        return None
    data = []
    for number, (_, embedded) in enumerate(drawn, start=1):
        for k in comparison.head_to_tail:  # the tail is drawn last, on top of the head
            data += _points(embedded, k, number)
    return Figure(
        data,
        _layout([title for title, _ in drawn]),
        470,
        _narrow(len(drawn)),
        420 * len(drawn),
        legend=[
            LegendEntry(f"class{k}", comparison.class_names[k], symbol(k)[1], color(k)) for k in comparison.head_to_tail
        ],
        clips=_clips(comparison, [embedded for _, embedded in drawn], sheet),
    )


def _points(embedded: Embedded, k: int, number: int) -> list[dict[str, object]]:
    assert embedded.points is not None  # `tsne_chart` has left out the others
    data = embedded.data
    size = 6 if len(data.label) < CROWDED else 4.5
    traces: list[dict[str, object]] = []
    for right in (False, True):
        chosen = np.flatnonzero((data.label == k) & ((data.prediction == k) == right))
        if not len(chosen):
            continue
        mark = {"color": color(k), "size": size, "symbol": symbol(k)[0] + ("" if right else "-open")}
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": rounded(embedded.points[chosen, 0], 2),
                "y": rounded(embedded.points[chosen, 1], 2),
                "customdata": [[number - 1, int(n)] for n in chosen],
                "hoverinfo": "none",
                "legendgroup": f"class{k}",
                "xaxis": f"x{nth(number)}",
                "yaxis": f"y{nth(number)}",
                "marker": mark,
            }
        )
    return traces


def _layout(titles: Sequence[str]) -> Mapping[str, object]:
    bare = {"showticklabels": False, "showgrid": False, "zeroline": False, "mirror": True, "linecolor": "var(--line)",
            "showline": True}  # fmt: skip
    axes: dict[str, object] = {}
    notes = []
    for number, title in enumerate(titles, start=1):
        domain = [0, 1] if len(titles) == 1 else [[0, 0.49], [0.51, 1]][number - 1]
        n = nth(number)
        axes[f"xaxis{n}"] = bare | {"domain": domain, "anchor": f"y{n}"}
        axes[f"yaxis{n}"] = bare | {"anchor": f"x{n}", "scaleanchor": f"x{n}"}
        notes.append(
            {"text": plain(title), "showarrow": False, "xref": f"x{n} domain", "yref": f"y{n} domain",
             "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom", "font": {"size": 14}}
        )  # fmt: skip
    return layout(**axes, annotations=notes, margin={"l": 8, "r": 8, "t": 28, "b": 8})


def _narrow(panels: int) -> Mapping[str, object]:
    if panels == 1:
        return {}
    return {
        "xaxis.domain": [0, 1], "xaxis2.domain": [0, 1], "yaxis.domain": [0.53, 1], "yaxis2.domain": [0, 0.47],
    }  # fmt: skip


def _clips(comparison: Comparison, panels: Sequence[Embedded], sheet: Sheet | None) -> dict[str, object]:
    """Collects what hovering shows; names need no escaping, because the page sets them as text."""
    tiles: Mapping[str, int] = {} if sheet is None else sheet.tile
    return {
        "classes": comparison.class_names,
        "panels": [
            {
                "clip": list(embedded.data.clip),
                "label": embedded.data.label.tolist(),
                "prediction": embedded.data.prediction.tolist(),
                "tile": [tiles.get(clip) for clip in embedded.data.clip],
            }
            for embedded in panels
        ],
        "sheet": None if sheet is None else {"uri": sheet.uri, "side": sheet.side, "columns": sheet.columns},
    }
