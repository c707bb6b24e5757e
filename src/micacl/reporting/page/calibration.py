"""Draws calibration curves: how often a network is right, by how sure it is."""

from collections.abc import Mapping

from micacl.reporting.one_run.calibration import Calibration
from micacl.reporting.page.comparison import Setting
from micacl.reporting.page.figure import (
    FAINT,
    Figure,
    LegendEntry,
    axis,
    color,
    dash,
    layout,
    plain,
    rounded,
    symbol,
)


def calibration_figure(found: Mapping[str, tuple[Setting, Calibration]]) -> Figure | None:
    """Draws accuracy against confidence; on the diagonal a network is right as often as it is sure.

    Args:
        found: The settings by label, each with the calibration of all its predictions together.
    """
    if not found:
        return None
    ideal: dict[str, object] = {"type": "scatter", "mode": "lines", "x": [0, 100], "y": [0, 100], "hoverinfo": "skip",
             "line": {"color": FAINT, "dash": "dot", "width": 1.5}}  # fmt: skip
    data = [ideal]
    legend = []
    for label, (setting, curve) in found.items():
        k = setting.position
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": rounded(100 * curve.confidence),
                "y": rounded(100 * curve.accuracy),
                "customdata": curve.clips.tolist(),
                "text": plain(label),
                "hovertemplate": "%{text}<br>confidence %{x:.1f} %: right in %{y:.1f} % of %{customdata} clips"
                "<extra></extra>",
                "legendgroup": label,
                "line": {"color": color(k), "width": 2, "dash": dash(k)},
                "marker": {"color": color(k), "size": 8, "symbol": symbol(k)[0]},
            }
        )
        legend.append(LegendEntry(label, label, symbol(k)[1], color(k)))
    plot = layout(xaxis=axis("confidence %", range=[-2, 102]), yaxis=axis("accuracy %", range=[-2, 102]))
    return Figure(data, plot, 440, max_width=560, legend=legend)
