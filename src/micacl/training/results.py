"""The results of a run, as ``run.json`` keeps them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from micacl.training.predictions import Rates


def results_record(
    headline: str, rates: Rates, class_names: Sequence[str], epochs: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    """Puts the headline figures and, where every epoch was tested, the test-selected best side by side.

    Args:
        headline: Which weights the figures are of, in words.
        rates: Their rates.
        class_names: The classes, in the order of the labels.
        epochs: The rows of ``metrics.csv``.

    Returns:
        Plain values for JSON: fractions, None for the recall of a class without clips.
    """
    return {
        "headline": headline,
        "war": rates.war,
        "uar": rates.uar,
        "recall": {
            name: None if math.isnan(recall) else recall
            for name, recall in zip(class_names, rates.recall_K, strict=True)
        },
        "best_on_test": _best_on_test(epochs),
    }


def _best_on_test(epochs: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    """The highest test WAR and the highest test UAR over the epochs, each by itself, as published results have them."""
    if not epochs or "test/war" not in epochs[0]:
        return None
    best_war = max(epochs, key=lambda row: row["test/war"])
    best_uar = max(epochs, key=lambda row: row["test/uar"])
    return {
        "war": best_war["test/war"],
        "war_epoch": int(best_war["epoch"]),
        "uar": best_uar["test/uar"],
        "uar_epoch": int(best_uar["epoch"]),
    }
