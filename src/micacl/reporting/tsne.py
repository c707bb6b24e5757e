"""t-SNE of a run's test features: which classes the network keeps apart."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from micacl.reporting.features import Features, read_features
from micacl.reporting.run_folder import Run, read_run
from micacl.reporting.text import describe, one_line

SEED = 0
TITLE_WIDTH = 70  # letters
MIN_CLIPS = 5  # fewer would leave a perplexity of 1 or less: a single neighbour each
# Okabe and Ito's colours, told apart in all common kinds of colour blindness; yellow, faint on white, comes last.
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000", "#F0E442")
MARKERS = (("o", "x"), ("s", "+"), ("^", "1"))  # correct and wrong; more classes than colours take the next pair


def perplexity(clips: int) -> float:
    """t-SNE's number of neighbours: 30, or what so few clips allow.

    Args:
        clips: how many there are.
    """
    return min(30.0, (clips - 1) / 3)


def embed(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """t-SNE in two dimensions, the same for the same features.

    Args:
        features: shape (N, C), N at least 5, finite and not all alike.

    Returns:
        Shape (N, 2); the axes have no unit.
    """
    from sklearn.manifold import TSNE  # seconds to import, which no other figure should wait for

    # t-SNE sees neither an offset nor a scale, but its PCA start overflows or vanishes where they are extreme.
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    scaled = (centred / np.abs(centred).max()).astype(np.float32)
    tsne = TSNE(perplexity=perplexity(len(features)), init="pca", random_state=SEED)
    embedded: NDArray[np.float32] = tsne.fit_transform(scaled)
    return embedded


def tsne_figure(run_folder: Path) -> Figure:
    """Draws the test clips by t-SNE: colour is the label, a cross is a wrong prediction.

    Too few clips, or features that are all alike, make a figure that says so.

    Args:
        run_folder: a run's folder with its features.npz.

    Raises:
        UserError: the folder is no run's, or its features are missing, damaged or not finite.
    """
    run = read_run(run_folder)
    data = read_features(run)
    figure = Figure(figsize=(10.5, 6.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(xticks=[], yticks=[])
    axes.set_aspect("equal", adjustable="datalim")
    axes.spines[:].set_color("0.7")
    axes.set_title(textwrap.fill(describe(run), TITLE_WIDTH), fontsize=13, parse_math=False)
    n = len(data.features)
    if n < MIN_CLIPS:
        _say(axes, f"t-SNE needs at least {MIN_CLIPS} clips; this run has {n}.")
    elif (data.features == data.features[0]).all():
        _say(axes, f"The features of all {n} clips are alike: there is nothing to tell apart.")
    else:
        _scatter(axes, embed(data.features), data)
        _legend(axes, run, data)
        axes.set_xlabel(
            f"t-SNE of the {data.features.shape[1]} features of {n} test clips: perplexity {perplexity(n):.4g}, "
            f"PCA start, seed {SEED}\n"
            "Read who is near whom; the axes and the distances between far groups mean nothing.",
            fontsize=9,
        )
    return figure


def _say(axes: Axes, message: str) -> None:
    axes.text(0.5, 0.5, message, transform=axes.transAxes, ha="center", va="center", fontsize=13)


def _style(k: int) -> tuple[str, str, str]:
    """Colour of class k, its marker where it is predicted correctly and where wrongly."""
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


def _legend(axes: Axes, run: Run, data: Features) -> None:
    handles, labels = [], []
    for k, name in enumerate(run.class_names):
        mine = data.label == k
        clips = np.count_nonzero(mine)
        right = np.count_nonzero(data.prediction[mine] == k)
        color, marker, cross = _style(k)
        labels.append(f"{one_line(name)}, {right} of {clips} correct" if clips else f"{one_line(name)}, no test clip")
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


def _mark(marker: str, color: str) -> Line2D:
    return Line2D([], [], linestyle="", marker=marker, color=color, markersize=7)
