"""Draws the figures of the studies."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.metrics import silhouette_score

from experiments.frozen.tables import values
from micacl.data.expressions import CLASS_NAMES
from micacl.reporting.one_run.embedding import embed
from micacl.reporting.palette import OKABE_ITO


def tsne_side_by_side(folder: Path, settings: Sequence[str], path: Path) -> dict[str, float]:
    """Draws t-SNE of X' of each setting's kept clips; returns the labels' silhouette scores in the 512 features."""
    figure = _figure(6.2 * len(settings), 5.8)
    scores = {}
    for axes, setting in zip(figure.subplots(1, len(settings)), settings, strict=True):
        with np.load(folder / f"features_{setting}.npz") as kept:
            features, label = kept["features"].astype(np.float32), kept["label"]
        scores[setting] = float(silhouette_score(features, label, metric="cosine"))
        points = embed(features)
        for k in np.argsort(-np.bincount(label)):  # the tail is drawn last, on top of the head
            axes.scatter(*points[label == k].T, s=18, color=OKABE_ITO[k], label=CLASS_NAMES[k], linewidth=0)
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"setting {setting}: silhouette {scores[setting]:.3f}", fontsize=13)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=11, markerscale=1.6)
    figure.savefig(path, dpi=110)
    return scores


def recall_by_frequency(
    results: Sequence[dict[str, str]], settings: Sequence[str], counts: Sequence[int], path: Path
) -> None:
    """Draws the recall of each class, from the rarest in training to the most frequent."""
    figure = _figure(8.0, 4.6)
    axes = figure.subplots()
    order = np.argsort(counts)
    for number, setting in enumerate(settings):
        recalls = [values(results, setting, f"recall_{CLASS_NAMES[k]}") for k in order]
        mean = np.array([recall.mean() for recall in recalls])
        error = np.array([recall.std(ddof=1) for recall in recalls])
        x = np.arange(len(order)) + 0.13 * (number - (len(settings) - 1) / 2)
        axes.errorbar(x, mean, error, fmt="o", color=OKABE_ITO[number], label=setting, capsize=2, linewidth=1.4)
    axes.set_xticks(range(len(order)), [f"{CLASS_NAMES[k]}\n{counts[k]}" for k in order])
    axes.set(xlabel="class and number of its training clips", ylabel="recall, %", ylim=(0, 102))
    _finish(axes)
    figure.savefig(path, dpi=120)


def compare(results: Sequence[dict[str, str]], settings: Sequence[str], path: Path) -> None:
    """Draws UAR and the tail's recall of each setting: a point per run, a bar for the mean."""
    figure = _figure(10.0, 1.4 + 0.42 * len(settings))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, column, title in zip(panels, ("uar", "tail"), ("UAR, %", "recall of disgust and fear, %"), strict=True):
        for place, setting in enumerate(settings):
            found = values(results, setting, column)
            color = OKABE_ITO[0] if place else "0.35"
            axes.plot(found, np.full(len(found), place), "o", color=color, alpha=0.45, markersize=5)
            axes.plot([found.mean()] * 2, [place - 0.3, place + 0.3], color=color, linewidth=2.4)
        axes.axvline(values(results, settings[0], column).mean(), color="0.35", linewidth=0.8, linestyle=":")
        axes.set_xlabel(title)
        _finish(axes, legend=False)
    panels[0].set_yticks(range(len(settings)), settings)
    panels[0].invert_yaxis()
    figure.savefig(path, dpi=120)


def terms_over_training(terms: Sequence[dict[str, str]], settings: Sequence[str], path: Path) -> None:
    """Draws each weighted term of the loss and its gradient's norm at X' over the epochs, as means over the runs."""
    figure = _figure(3.3 * len(settings), 6.0)
    names = sorted({row["term"] for row in terms if row["setting"] in settings})
    rows = figure.subplots(2, len(settings), sharex=True, sharey="row", squeeze=False)
    for axes_row, column, label in zip(
        rows, ("value", "gradient_norm"), ("weighted term", "gradient norm at X'"), strict=True
    ):
        for axes, setting in zip(axes_row, settings, strict=True):
            for number, name in enumerate(names):
                epochs, mean = _over_epochs(terms, setting, name, column)
                axes.plot(epochs, np.abs(mean), color=OKABE_ITO[number], label=name.replace("_", " "))
            axes.set_yscale("log")
            _finish(axes, legend=False)
        axes_row[0].set_ylabel(label)
    for axes, setting in zip(rows[0], settings, strict=True):
        axes.set_title(setting, fontsize=10)
    for axes in rows[1]:
        axes.set_xlabel("epoch")
    rows[0][-1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    figure.savefig(path, dpi=110)


def _over_epochs(terms: Sequence[dict[str, str]], setting: str, name: str, column: str) -> tuple[list[int], np.ndarray]:
    found: dict[int, list[float]] = {}
    for row in terms:
        if row["setting"] == setting and row["term"] == name:
            found.setdefault(int(row["epoch"]), []).append(float(row[column]))
    epochs = sorted(found)
    return epochs, np.array([np.mean(found[epoch]) for epoch in epochs])


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _finish(axes: Axes, legend: bool = True) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    if legend:
        axes.legend(frameon=False)
