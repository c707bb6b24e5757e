"""Draws WAR and UAR of every setting, fold by fold, with the interval of the mean."""

from micacl.reporting.page.comparison import Comparison, Setting, describe_run
from micacl.reporting.page.figure import FAINT, Figure, axis, color, layout, nth, plain, rounded, symbol
from micacl.reporting.sweep.interval import Interval
from micacl.reporting.text import percent

LABEL_WIDTH = 26  # letters on the axis; hovering shows the rest


def rates_figure(comparison: Comparison) -> Figure | None:
    """Draws one row per setting: faint marks are runs, the large one is the mean, the line its 95 % interval.

    Args:
        comparison: The runs to compare.
    """
    settings = comparison.settings
    if not settings:
        return None
    data = []
    for number, rate in enumerate(("war", "uar"), start=1):
        for setting in settings:
            at = {"xaxis": f"x{nth(number)}", "yaxis": f"y{nth(number)}"}
            data.append(_runs(setting, rate) | at)
            found: Interval | None = getattr(setting, rate)
            if found is not None:
                data.append(_mean(setting, rate, found) | at)
    ticks = [plain(setting.label if len(setting.label) <= LABEL_WIDTH else setting.label[: LABEL_WIDTH - 1] + "…")
             for setting in settings]  # fmt: skip
    rows = {"tickvals": list(range(len(settings))), "ticktext": ticks, "range": [len(settings) - 0.5, -0.5]}
    plot = layout(
        xaxis=axis("WAR %", domain=[0, 0.47]),
        xaxis2=axis("UAR %", domain=[0.53, 1], anchor="y2"),
        yaxis=axis("", **rows),
        yaxis2=axis("", **rows, showticklabels=False, anchor="x2"),
    )
    height = 110 + 44 * len(settings)
    narrow = {
        "xaxis.domain": [0, 1], "xaxis2.domain": [0, 1], "yaxis.domain": [0.6, 1], "yaxis2.domain": [0, 0.38],
        "yaxis2.showticklabels": True,
    }  # fmt: skip
    return Figure(data, plot, height, narrow, 2 * height)


def _runs(setting: Setting, rate: str) -> dict[str, object]:
    runs = [run for run in setting.runs if run.run.results is not None]
    values = [100 * getattr(run.run.results, rate) for run in runs]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": rounded(values),
        "y": [setting.position] * len(values),
        "text": [plain(f"{setting.label}, {describe_run(run)}") for run in runs],
        "hovertemplate": f"%{{text}}<br>{rate.upper()} %{{x:.2f}} %<extra></extra>",
        "marker": {"color": FAINT, "size": 7, "symbol": "line-ns-open", "line": {"width": 2}},
    }


def _mean(setting: Setting, rate: str, found: Interval) -> dict[str, object]:
    span = "" if found.low is None else f"<br>95 % interval {percent(found.low)} to {percent(found.high)}"
    half = None if found.high is None else found.high - found.mean
    return {
        "type": "scatter",
        "mode": "markers",
        "x": rounded([found.mean]),
        "y": [setting.position],
        "error_x": {"array": [half], "color": color(setting.position), "thickness": 2.5, "visible": half is not None},
        "text": [plain(setting.label)],
        "hovertemplate": f"%{{text}}<br>mean {rate.upper()} {percent(found.mean)} %{span}<extra></extra>",
        "marker": {"color": color(setting.position), "size": 12, "symbol": symbol(setting.position)[0]},
    }
