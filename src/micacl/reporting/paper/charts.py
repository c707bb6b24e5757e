"""Draws the page's charts with matplotlib, for a paper."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from micacl.reporting.one_run.calibration import Calibration
from micacl.reporting.page.comparison import Comparison, Setting
from micacl.reporting.palette import DASHES, OKABE_ITO
from micacl.reporting.sweep.interval import Interval
from micacl.run_folder.metrics import FIRST, is_rate

MARKERS = ("o", "s", "^", "D", "*", "v", "p", "h")
LINES = dict(zip(("solid", "dash", "dot", "dashdot"), ("-", "--", ":", "-."), strict=True))
SIZE = 9  # points
BESIDE = 0.14  # of the distance of two classes lies between two settings, so that their bars do not overlap


def rates_figure(comparison: Comparison) -> Figure:
    """Draws WAR and UAR of every setting: runs, mean over folds and its 95 % interval.

    Args:
        comparison: A comparison with at least one finished run.
    """
    settings = comparison.settings
    figure, columns = _subplots(7.2, 0.9 + 0.36 * len(settings), 2)
    for axes, rate in zip(columns, ("war", "uar"), strict=True):
        for setting in settings:
            runs = [100 * getattr(run.run.results, rate) for run in setting.runs]
            axes.plot(runs, [setting.position] * len(runs), "|", color="0.6", markersize=9)
            found: Interval | None = getattr(setting, rate)
            assert found is not None  # a setting has a finished run, which has both rates
            half = 0 if found.high is None else found.high - found.mean
            axes.errorbar(found.mean, setting.position, xerr=half, **_style(setting), capsize=3)
        axes.set(xlabel=f"{rate.upper()} %", ylim=(len(settings) - 0.5, -0.5))
        axes.set_yticks([])
    columns[0].set_yticks(range(len(settings)), [setting.label for setting in settings], parse_math=False)
    return figure


def tail_figure(comparison: Comparison) -> Figure:
    """Draws the recall of every class over its number of clips, head to tail, for the pair of settings to compare.

    Args:
        comparison: A comparison with at least one finished run.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    _bare(upper, lower)
    order = list(comparison.head_to_tail)
    names = comparison.table.class_names
    for beside, setting in enumerate(comparison.pair):
        recall = [setting.row.recall[names[k]] for k in order]
        mean = [np.nan if rate is None else rate.mean for rate in recall]
        std = [0.0 if rate is None or rate.std is None else rate.std for rate in recall]
        line = LINES[DASHES[setting.position % len(DASHES)]]
        at = np.arange(len(order)) + BESIDE * (beside - 0.5)
        upper.errorbar(at, mean, yerr=std, **_style(setting) | {"linestyle": line}, capsize=3)
    upper.set(ylabel="recall %", ylim=(-3, 103))
    _legend(upper, [setting.label for setting in comparison.pair])
    part, counts = comparison.frequency
    if counts:
        bars = lower.bar(range(len(order)), [counts[k] for k in order], color="0.7")
        lower.bar_label(bars, fmt="{:,.0f}", fontsize=SIZE - 2)
        lower.set(ylim=(0, 1.3 * max(counts)))
    lower.set_ylabel(f"{part} clips")
    lower.set_xticks(range(len(order)), [comparison.class_names[k] for k in order], rotation=25, ha="right",
                     rotation_mode="anchor", parse_math=False)  # fmt: skip
    return figure


def distribution_figure(comparison: Comparison) -> Figure:
    """Draws the training clips of each class, or test clips where those are unknown.

    Args:
        comparison: A comparison with one of the two.
    """
    figure, (axes,) = _subplots(6.4, 3.0, 1)
    part, counts = comparison.frequency
    order = comparison.head_to_tail
    bars = axes.bar([*map(str, range(len(order)))], [counts[k] for k in order], color=OKABE_ITO[0])
    axes.bar_label(bars, fmt="{:,.0f}", fontsize=SIZE - 1)
    axes.set_ylabel(f"{part} clips")
    axes.set_xticks(range(len(order)), [comparison.class_names[k] for k in order], rotation=25, ha="right",
                    rotation_mode="anchor", parse_math=False)  # fmt: skip
    return figure


def curves_figure(comparison: Comparison) -> Figure | None:
    """Draws the rates and the training loss over epochs, one line per run; None where no run has any of them.

    Args:
        comparison: The runs to compare.
    """
    known = {name for run in comparison.all_runs if run.metrics is not None for name in run.metrics.columns}
    metrics = [name for name in FIRST if name in known]
    if not metrics or not comparison.settings:
        return None
    figure, columns = _subplots(3.4 * len(metrics), 2.9, len(metrics))
    for axes, metric in zip(columns, metrics, strict=True):
        scale = 100 if is_rate(metric) else 1
        for setting in comparison.settings:
            style = {key: value for key, value in _style(setting).items() if key != "marker"}
            style["linestyle"] = LINES[DASHES[setting.position % len(DASHES)]]
            for n, run in enumerate(run for run in setting.runs if run.metrics and metric in run.metrics.columns):
                assert run.metrics is not None  # the line above has seen to it
                values = [np.nan if value is None else scale * value for value in run.metrics.columns[metric]]
                axes.plot(run.metrics.epoch, values, **style | {"label": None if n else style["label"]}, linewidth=1)
        axes.set(xlabel="epoch", ylabel=metric if scale == 1 else f"{metric} %")
    _legend(columns[0], [setting.label for setting in comparison.settings])
    return figure


def calibration_figure(found: Mapping[str, tuple[Setting, Calibration]]) -> Figure:
    """Draws accuracy against confidence, with the expected calibration error of each setting.

    Args:
        found: The settings by label, each with its calibration; at least one.
    """
    figure, (axes,) = _subplots(4.2, 4.0, 1)
    axes.plot([0, 100], [0, 100], ":", color="0.6", linewidth=1)
    labels = []
    for label, (setting, curve) in found.items():
        labels.append(f"{label}, ECE {100 * curve.ece:.2f}")
        axes.plot(100 * curve.confidence, 100 * curve.accuracy, **_style(setting) | {"label": labels[-1]})
    axes.set(xlabel="confidence %", ylabel="accuracy %", xlim=(-2, 102), ylim=(-2, 102), aspect="equal")
    _legend(axes, labels)
    return figure


def _style(setting: Setting) -> dict[str, Any]:
    k = setting.position
    marker = MARKERS[(k + k // len(OKABE_ITO)) % len(MARKERS)]
    return {"color": OKABE_ITO[k % len(OKABE_ITO)], "marker": marker, "label": setting.label}


def _subplots(width: float, height: float, columns: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(1, columns, squeeze=False)[0])
    _bare(*axes)
    return figure, axes


def _bare(*all_axes: Axes) -> None:
    for axes in all_axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=SIZE)
        axes.grid(color="0.9", linewidth=0.7)
        axes.set_axisbelow(True)


def _legend(axes: Axes, labels: list[str]) -> None:
    if not labels:
        return
    legend = axes.legend(frameon=False, fontsize=SIZE)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a dollar sign in a name is a dollar sign
