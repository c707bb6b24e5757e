"""Draws confusion matrices; the page lets the reader choose the run."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from micacl.rates import shares
from micacl.reporting.page.figure import Figure, axis, layout, plain, rounded

CELL = 52  # pixels


def confusion_chart(class_names: Sequence[str], counts: NDArray[np.int64]) -> Figure:
    """Draws a confusion matrix, coloured by the share of the label's clips; rows without clips stay empty.

    Args:
        class_names: The names of the K classes, one line each.
        counts: The confusion matrix in clips, shape (K, K); rows are labels.
    """
    names = [plain(name) for name in class_names]
    ticks = {"tickvals": list(range(len(names))), "fixedrange": True, "showgrid": False}
    heat = {
        "type": "heatmap",
        "z": [rounded(row, 2) for row in 100 * shares(counts)],
        "zmin": 0,
        "zmax": 100,
        "text": counts.tolist(),
        "customdata": [[[label, prediction] for prediction in names] for label in names],
        "texttemplate": "%{text}",
        "hovertemplate": "label %{customdata[0]}<br>predicted %{customdata[1]}<br>%{text} clips, "
        "%{z:.1f} % of the class<extra></extra>",
        "colorscale": [[0, "var(--heat0)"], [0.5, "var(--heat1)"], [1, "var(--heat2)"]],
        "showscale": False,
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
    }
    plot = layout(
        xaxis=axis("predicted", **ticks, ticktext=names, tickangle=-40),
        yaxis=axis("", **ticks, ticktext=names, autorange="reversed"),
    )
    return Figure([heat], plot, 130 + CELL * len(names))
