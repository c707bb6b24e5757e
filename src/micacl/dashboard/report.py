"""Builds a W&B report over the runs of a project: everything that they log, in one order.

Needs W&B's package wandb-workspaces (https://github.com/wandb/wandb-workspaces), which nothing else here does.
"""

from collections.abc import Sequence
from typing import Any

import wandb_workspaces.expr as expr
import wandb_workspaces.reports.v2 as wr

from micacl.dashboard.confusion import CHART, COLUMNS

HALF, WHOLE = 12, 24  # columns of a panel
HEIGHT = 9

CURVES = (
    ("WAR", ["test/war", "validation/war"]),
    ("UAR", ["test/uar", "validation/uar"]),
    ("L_all", ["train/total"]),
    ("Cross-entropy", ["train/cross_entropy"]),
    ("Intensity-aware loss", ["train/intensity_aware"]),
    ("Feature augmentation", ["train/feature_augmentation"]),
    ("L_MC", ["train/contrastive"]),
    ("Learning rate", ["learning_rate"]),
    ("GEIIM's alpha", ["geiim/alpha"]),
    ("MCCL's temperature", ["mccl/temperature"]),
)
FAMILIES = (  # curves whose names depend on the classes and the scales
    ("Recall of each class", "(test|validation)/recall_.*"),
    ("L_c of each scale", "train/contrastive_scale_.*"),
)


def build_report(entity: str, project: str, group: str | None = None) -> wr.Report:
    """Builds the report without a request to W&B; ``save()`` uploads it.

    Args:
        entity: The user or team that owns the project.
        project: The W&B project that the runs were logged to.
        group: The sweep whose runs to show, by the name of its folder; None shows those of the whole project.
    """
    runs = _runs(entity, project, "train", group)
    summaries = _runs(entity, project, "summary", group)
    return wr.Report(
        project=project,
        entity=entity,
        title=f"MICACL: {group or project}"[:128],
        description="Dynamic facial expression recognition on long-tailed data: every run, from its folder.",
        width="fluid",
        blocks=[
            wr.TableOfContents(),
            *_section(
                "Results", "Ours beside the published rows, one table per sweep.", summaries, [_table("summary")]
            ),
            *_section("Training", "One point per epoch.", runs, _curves()),
            *_section("Confusion matrix", "Rows are labels.", runs, _confusion()),
            *_section(
                "t-SNE",
                "Test clips by their features. In the table choose a plot of x and y, coloured by label.",
                runs,
                [_pictures("t-SNE", "tsne/picture"), _table("tsne/table")],
            ),
            *_section(
                "Instances",
                "GEIIM's adjacency, and how much each instance counts in WIAN.",
                runs,
                [_pictures("Adjacency A", "instances/adjacency"), _pictures("Weights", "instances/weights")],
            ),
            *_section(
                "Clips",
                "The most confident mistakes and the worst clips of the rarest classes.",
                runs,
                [_table("clips/chosen")],
            ),
        ],
    )


def _runs(entity: str, project: str, job_type: str, group: str | None) -> wr.Runset:
    filters = [expr.Metric("JobType") == job_type]
    if group is not None:
        filters.append(expr.Metric("Group") == group)
    return wr.Runset(entity=entity, project=project, name=f"{job_type} runs", filters=expr.And(*filters))


def _section(title: str, text: str, runs: wr.Runset, panels: Sequence[Any]) -> list[Any]:
    return [wr.H2(title), wr.P(text), wr.PanelGrid(runsets=[runs], panels=_placed(panels))]


def _placed(panels: Sequence[Any]) -> list[Any]:
    """Places two panels in a row, and a table in a row of its own."""
    x = y = 0
    for panel in panels:
        width = WHOLE if isinstance(panel, wr.WeavePanelSummaryTable) else HALF
        if x + width > WHOLE:
            x, y = 0, y + HEIGHT
        panel.layout = wr.Layout(x=x, y=y, w=width, h=HEIGHT)
        x += width
    return list(panels)


def _curves() -> list[Any]:
    curves = [wr.LinePlot(title=title, x="epoch", y=list(metrics)) for title, metrics in CURVES]
    return curves + [wr.LinePlot(title=title, x="epoch", metric_regex=names) for title, names in FAMILIES]


def _confusion() -> list[Any]:
    charts = [
        wr.CustomChart(
            query={"summaryTable": {"tableKey": f"confusion_matrix/{name}_table"}},
            chart_name=CHART,
            chart_fields={column: column for column in COLUMNS},
            chart_strings={"title": title},
        )
        for name, title in (("counts", "Test clips"), ("shares", "Share of the label's test clips"))
    ]
    return [*charts, _pictures("Confusion matrix", "confusion_matrix/picture")]


def _pictures(title: str, name: str) -> Any:
    return wr.MediaBrowser(title=title, media_keys=[name], num_columns=1)


def _table(name: str) -> Any:
    return wr.WeavePanelSummaryTable(table_name=name)
