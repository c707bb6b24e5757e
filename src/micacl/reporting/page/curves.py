"""Draws training curves: every metric of every run, epoch by epoch."""

from micacl.reporting.page.comparison import Comparison, describe_run
from micacl.reporting.page.figure import FAINT, Figure, LegendEntry, axis, color, dash, layout, plain
from micacl.reporting.page.run_files import RunFiles
from micacl.run_folder.metrics import FIRST, is_rate

FEW_EPOCHS = 12
DIGITS = 5  # significant ones


def curve_figures(comparison: Comparison) -> dict[str, Figure]:
    """Draws one figure per metric, the rates and the loss first, with one line per run, coloured by setting.

    Args:
        comparison: The runs to compare.
    """
    names = dict.fromkeys(
        name for run in comparison.all_runs if run.metrics is not None for name in run.metrics.columns
    )
    first = [name for name in FIRST if name in names]
    return {name: _figure(comparison, name) for name in [*first, *(name for name in names if name not in first)]}


def _figure(comparison: Comparison, metric: str) -> Figure:
    data = []
    legend = []
    for setting in comparison.settings:
        group = f"setting{setting.position}"
        for run in setting.runs:
            trace = _line(run, metric, f"{setting.label}, {describe_run(run)}")
            if trace:
                line = {"color": color(setting.position), "width": 1.8, "dash": dash(setting.position)}
                data.append(trace | {"legendgroup": group, "line": line})
        legend.append(LegendEntry(group, setting.label, "━", color(setting.position)))
    for run in comparison.unfinished:
        trace = _line(run, metric, f"{run.run.setting}, {describe_run(run)}, {run.run.status}")
        if trace:
            data.append(trace | {"legendgroup": "unfinished", "line": {"color": FAINT, "width": 1.8}})
    if any(trace["legendgroup"] == "unfinished" for trace in data):
        legend.append(LegendEntry("unfinished", "without a result", "━", FAINT))
    title = f"{plain(metric)} %" if is_rate(metric) else plain(metric)
    epochs = max((run.metrics.epoch[-1] for run in comparison.all_runs if run.metrics is not None), default=1)
    ticks = {"dtick": 1} if epochs <= FEW_EPOCHS else {}  # Plotly would write 1.2, 1.4, ...
    return Figure(data, layout(xaxis=axis("epoch", **ticks), yaxis=axis(title)), 370, legend=legend)


def _line(run: RunFiles, metric: str, name: str) -> dict[str, object] | None:
    if run.metrics is None or metric not in run.metrics.columns:
        return None
    scale = 100 if is_rate(metric) else 1
    values = [None if value is None else float(f"{scale * value:.{DIGITS}g}") for value in run.metrics.columns[metric]]
    return {
        "type": "scatter",
        "mode": "lines" if len(values) > 1 else "markers",
        "x": list(run.metrics.epoch),
        "y": values,
        "text": plain(name),
        "hovertemplate": "%{text}<br>epoch %{x}: %{y}<extra></extra>",
    }
