"""Makes W&B's own interactive chart of a confusion matrix."""

from collections.abc import Callable
from typing import Any

import numpy as np
import wandb

from micacl.rates import shares
from micacl.run_folder.predictions import read_confusion
from micacl.run_folder.record import Run

# W&B's chart and the columns that it reads: see wandb.plot.confusion_matrix, which counts but cannot show shares.
CHART = "wandb/confusion_matrix/v1"
COLUMNS = ("Actual", "Predicted", "nPredictions")


def confusion_charts(run: Run) -> dict[str, Any]:
    """Makes two charts of the confusion matrix: in clips, and as the share of each label's clips.

    Args:
        run: A run with its predictions.csv.

    Raises:
        UserError: If `read_predictions` raises it.
    """
    counts_KK = read_confusion(run)
    share_KK = np.nan_to_num(shares(counts_KK))  # 0 in rows without clips: the chart takes numbers only
    return {
        "confusion_matrix/counts": _chart(run, lambda k, j: int(counts_KK[k, j]), "test clips"),
        "confusion_matrix/shares": _chart(run, lambda k, j: float(share_KK[k, j]), "share of the label's test clips"),
    }


def _chart(run: Run, value: Callable[[int, int], float], unit: str) -> Any:
    classes = list(enumerate(run.class_names))
    rows = [[label, prediction, value(k, j)] for k, label in classes for j, prediction in classes]
    return wandb.plot_table(
        vega_spec_name=CHART,
        data_table=wandb.Table(columns=list(COLUMNS), data=rows),
        fields={column: column for column in COLUMNS},
        string_fields={"title": f"Confusion matrix, {unit}"},
    )
