"""Draws the t-SNE of a run's test features, which shows the classes that the network keeps apart."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from micacl.reporting.one_run.embedding import HOW_TO_READ, Embedded, embed_run
from micacl.reporting.palette import OKABE_ITO
from micacl.reporting.text import describe, one_line
from micacl.run_folder.features import Features
from micacl.run_folder.record import read_run

TITLE_WIDTH = 70  # letters
MARKERS = (("o", "x"), ("s", "+"), ("^", "1"))  # correct and wrong; more classes than colours take the next pair


def tsne_figure(run_folder: Path) -> Figure:
    """Draws the test clips by t-SNE: colour is the label, a cross is a wrong prediction.

    Too few clips, or features that are all alike, make a figure that says so.

    Args:
        run_folder: The folder of a run with its features.npz.

    Raises:
        UserError: If the folder is not that of a run, or its features are missing, damaged or not finite.
    """
    run = read_run(run_folder)
    return embedded_figure([(describe(run), embed_run(run))])


def embedded_figure(panels: Sequence[tuple[str, Embedded]]) -> Figure:
    """Draws embedded clips side by side.

    Args:
        panels: The title and the clips of each panel; at least one, all of the same classes.
    """
    figure = Figure(figsize=(4.0 + 6.5 * len(panels), 6.8), layout="constrained")
    FigureCanvasAgg(figure)
    columns = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, embedded) in zip(columns, panels, strict=True):
        axes.set(xticks=[], yticks=[])
        axes.set_aspect("equal", adjustable="datalim")
        axes.spines[:].set_color("0.7")
        axes.set_title(textwrap.fill(title, TITLE_WIDTH), fontsize=13, parse_math=False)
        if embedded.points is None:
            axes.text(
                0.5, 0.5, textwrap.fill(embedded.caption, 40), transform=axes.transAxes, ha="center", va="center",
                fontsize=13,
            )  # fmt: skip
            continue
        _scatter(axes, embedded.points, embedded.data)
        axes.set_xlabel(f"{embedded.caption}\n{HOW_TO_READ}", fontsize=9)
    drawn = [embedded for _, embedded in panels if embedded.points is not None]
    if drawn:
        _legend(columns[-1], drawn[0].run.class_names, [embedded.data for embedded in drawn])
    return figure


def _style(k: int) -> tuple[str, str, str]:
    """Chooses the color of class k, its marker for right predictions and its marker for wrong ones."""
    return OKABE_ITO[k % len(OKABE_ITO)], *MARKERS[k // len(OKABE_ITO) % len(MARKERS)]


def _scatter(axes: Axes, embedded: NDArray[np.float32], data: Features) -> None:
    size = float(np.clip(30_000 / len(embedded), 12, 60))
    clips = np.bincount(data.label)
    x, y = embedded.T
    for k in np.argsort(-clips, kind="stable"):  # the tail is drawn last, on top of the head
        color, marker, cross = _style(int(k))
        right = (data.label == k) & (data.prediction == k)
        wrong = (data.label == k) & (data.prediction != k)
        axes.scatter(x[right], y[right], s=size, color=color, marker=marker, edgecolor="white", linewidth=0.4)
        axes.scatter(x[wrong], y[wrong], s=size, color=color, marker=cross, linewidth=1.2)


def _legend(axes: Axes, class_names: Sequence[str], panels: Sequence[Features]) -> None:
    handles, labels = [], []
    for k, name in enumerate(class_names):
        color, marker, cross = _style(k)
        labels.append(f"{one_line(name)}, {_correct(panels, k)}")
        handles.append((_mark(marker, color), _mark(cross, color)))
    legend = axes.legend(
        handles,
        labels,
        handler_map={tuple: HandlerTuple(ndivide=None)},
        title="left mark: correct, right: wrong",
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        frameon=False,
        fontsize=11,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _correct(panels: Sequence[Features], k: int) -> str:
    """Counts the clips of a class that are right, panel by panel."""
    clips = [np.count_nonzero(data.label == k) for data in panels]
    if not any(clips):
        return "no test clip"
    right = [np.count_nonzero((data.label == k) & (data.prediction == k)) for data in panels]
    if len(set(clips)) == 1:
        return f"{' | '.join(map(str, right))} of {clips[0]} correct"
    return " | ".join(f"{mine} of {all_of}" for mine, all_of in zip(right, clips, strict=True)) + " correct"


def _mark(marker: str, color: str) -> Line2D:
    return Line2D([], [], linestyle="", marker=marker, color=color, markersize=7)
