"""Draws the confusion matrix of a run."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from micacl.rates import shares, uar, war
from micacl.reporting.text import describe, one_line
from micacl.run_folder.predictions import read_confusion
from micacl.run_folder.record import read_run

CELL = 0.95  # inches a side: two lines of text at 9 points
LETTERS_PER_CELL = 12  # of the subtitle
LINE = 0.2  # inches, of the subtitle
NAME_WIDTH = 20  # letters; longer class names are folded
DARK = 0.55  # cells above this share are dark enough for white text


def confusion_figure(run_folder: Path) -> Figure:
    """Draws which class was taken for which: counts and the share of the row's clips, coloured by the share.

    Args:
        run_folder: The folder of a run with its predictions.csv.

    Raises:
        UserError: If the folder is not that of a run, or its predictions are missing or damaged.
    """
    run = read_run(run_folder)
    headline = "" if run.results is None else f", {run.results.headline}"
    return counts_figure(read_confusion(run), run.class_names, f"{describe(run)}{headline}")


def counts_figure(counts: NDArray[np.int64], class_names: Sequence[str], title: str) -> Figure:
    """Draws a confusion matrix.

    Args:
        counts: The confusion matrix in clips, shape (K, K); rows are labels.
        class_names: The names of the K classes.
        title: The name of the run or the runs.
    """
    clips = counts.sum(axis=1)
    names = [textwrap.fill(one_line(name), NAME_WIDTH) for name in class_names]
    side = CELL * len(names)
    caption = one_line(f"{title}, {clips.sum()} test clips")
    subtitle = textwrap.wrap(caption, max(40, LETTERS_PER_CELL * len(names)))
    figure = Figure(figsize=(side + 3.0, side + 2.0 + LINE * len(subtitle)), layout="compressed")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    share_KK = np.nan_to_num(shares(counts))
    image = axes.imshow(share_KK, cmap="Blues", vmin=0, vmax=1)
    _cells(axes, counts, share_KK)
    _absent(axes, clips)
    _labels(axes, names, clips)
    bar = figure.colorbar(image, ax=axes, fraction=0.04, aspect=25, pad=0.03, format="{x:.0%}")
    bar.set_label("share of the class's test clips", fontsize=11)
    bar.ax.tick_params(length=0)
    figure.suptitle(f"WAR {war(counts):.2%}    UAR {uar(counts):.2%}", fontsize=16, fontweight="bold")
    axes.set_title("\n".join(subtitle), fontsize=11, parse_math=False)  # a dollar sign in a name is a dollar sign
    return figure


def _cells(axes: Axes, counts: NDArray[np.int64], share_KK: NDArray[np.float64]) -> None:
    for row, column in np.argwhere(counts).tolist():  # cells of 0 stay empty, so that the errors are easier to see
        share = float(share_KK[row, column])
        axes.text(
            column,
            row,
            f"{counts[row, column]}\n{share:.1%}",
            ha="center",
            va="center",
            fontsize=10,
            fontweight="bold" if row == column else "normal",
            color="white" if share > DARK else "black",
        )


def _absent(axes: Axes, clips: NDArray[np.int64]) -> None:
    """Hatches the rows without clips: they have no recall, which is not a recall of 0."""
    for row in np.flatnonzero(clips == 0).tolist():
        axes.add_patch(Rectangle((-0.5, row - 0.5), len(clips), 1, facecolor="0.95", edgecolor="0.8", hatch="//"))
        axes.text((len(clips) - 1) / 2, row, "no test clip", ha="center", va="center", backgroundcolor="0.95")


def _labels(axes: Axes, names: list[str], clips: NDArray[np.int64]) -> None:
    ticks = range(len(names))
    axes.set_xticks(ticks, names, rotation=35, ha="right", rotation_mode="anchor", fontsize=11, parse_math=False)
    rows = [f"{name} ({n})" for name, n in zip(names, clips, strict=True)]
    axes.set_yticks(ticks, rows, fontsize=11, parse_math=False)
    axes.set_xlabel("predicted", fontsize=12)
    axes.set_ylabel("label (test clips)", fontsize=12)
    axes.set_xticks(np.arange(0.5, len(names) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(names) - 1), minor=True)
    axes.grid(which="minor", color="0.85", linewidth=0.8)
    axes.tick_params(which="both", length=0)
