"""Draws the number of clips of each class, as Figure 1 of the paper does."""

from micacl.reporting.page.comparison import Comparison
from micacl.reporting.page.figure import FAINT, Figure, LegendEntry, axis, color, layout, plain, rounded


def distribution_figure(comparison: Comparison) -> Figure | None:
    """Draws the training and test clips of each class, head to tail; means over the runs.

    Args:
        comparison: The runs to compare.
    """
    names = [plain(comparison.class_names[k]) for k in comparison.head_to_tail]
    data = []
    legend = []
    parts = (("training", comparison.class_counts, color(0)), ("test", comparison.test_counts, FAINT))
    for part, counts, bar_color in parts:
        if counts is None:
            continue
        values = [counts[k] for k in comparison.head_to_tail]
        data.append(
            {
                "type": "bar",
                "x": names,
                "y": rounded(values, 1),
                "text": [f"{value:,.0f}" for value in values],
                "textposition": "outside",
                "textangle": 0,
                "constraintext": "none",
                "cliponaxis": False,
                "legendgroup": part,
                "name": part,
                "marker": {"color": bar_color},
                "hovertemplate": f"%{{x}}: %{{y:,.1f}} {part} clips<extra></extra>",
            }
        )
        legend.append(LegendEntry(part, f"{part} clips", "■", bar_color))
    if not data:
        return None
    plot = layout(xaxis=axis("", type="category", showgrid=False), yaxis=axis("clips", rangemode="tozero"), bargap=0.25)
    return Figure(data, plot, 330, legend=legend)
