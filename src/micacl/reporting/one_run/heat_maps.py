"""Draws GEIIM's adjacency and WIAN's instance weights as heat maps."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from micacl.reporting.text import describe, one_line
from micacl.run_folder.instances import Instances
from micacl.run_folder.predictions import read_predictions
from micacl.run_folder.record import Run

CELL = 0.9  # inches a side
LEFT = 2.2  # inches, for the names of rows
DARK = 0.6  # cells above this share of the colour scale are dark enough for white text


def adjacency_figure(run: Run, adjacency_TT: NDArray[np.float64]) -> Figure:
    """Draws GEIIM's A, equation (1).

    Args:
        run: The run.
        adjacency_TT: A, shape (T, T); each row sums to 1.
    """
    numbers = [str(t + 1) for t in range(len(adjacency_TT))]
    figure, axes = _figure(adjacency_TT, f"GEIIM's adjacency A\n{describe(run)}")
    _ticks(axes, numbers, numbers)
    axes.set_xlabel("takes from instance", fontsize=12)
    axes.set_ylabel("instance", fontsize=12)
    return figure


def instance_weights_figure(run: Run, instances: Instances) -> Figure:
    """Draws the mean instance weights in WIAN, for the test clips of each class and for all of them.

    Args:
        run: A run with its predictions.csv.
        instances: The run's instances, with weights.

    Raises:
        UserError: If `read_predictions` raises it.
    """
    predictions = read_predictions(run)
    weighed = [n for n, clip in enumerate(predictions.clip) if clip in instances.weights]
    weights_NT = np.array([instances.weights[predictions.clip[n]] for n in weighed])
    label_N = predictions.label[weighed]
    counts = np.bincount(label_N, minlength=len(run.class_names))
    present = np.flatnonzero(counts)
    rows = [weights_NT[label_N == k].mean(axis=0) for k in present] + [weights_NT.mean(axis=0)]
    names = [f"{one_line(run.class_names[k])} ({counts[k]})" for k in present] + [f"all clips ({len(weighed)})"]
    figure, axes = _figure(np.array(rows), f"WIAN: mean weight of each instance\n{describe(run)}")
    _ticks(axes, names, [str(t + 1) for t in range(weights_NT.shape[1])])
    axes.axhline(len(present) - 0.5, color="black", linewidth=1.2)
    axes.set_xlabel("instance, in the order of time", fontsize=12)
    axes.set_ylabel("label (test clips)", fontsize=12)
    return figure


def _figure(values: NDArray[np.float64], title: str) -> tuple[Figure, Axes]:
    rows, columns = values.shape
    figure = Figure(figsize=(LEFT + 1.2 + CELL * max(columns, 4), 1.8 + CELL * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    top = max(float(values.max()), 1e-12)
    image = axes.imshow(values, cmap="Blues", vmin=0, vmax=top, aspect="equal")
    for (row, column), value in np.ndenumerate(values):
        color = "white" if value > DARK * top else "black"
        axes.text(column, row, f"{value:.3f}", ha="center", va="center", fontsize=11, color=color)
    bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03)
    bar.ax.tick_params(length=0)
    axes.set_title(title, fontsize=12, parse_math=False)
    return figure, axes


def _ticks(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    axes.set_yticks(range(len(rows)), rows, fontsize=11, parse_math=False)
    axes.set_xticks(range(len(columns)), columns, fontsize=11)
    axes.set_xticks(np.arange(0.5, len(columns) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(rows) - 1), minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
