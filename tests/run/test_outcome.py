"""The results of a run as run.json keeps them."""

import json
import math

from micacl.run.outcome import results_record
from micacl.training.predictions import Rates

RATES = Rates(0.5, 0.25, [1.0, math.nan])
TESTED = [
    {"epoch": 1.0, "test/war": 0.4, "test/uar": 0.30},
    {"epoch": 2.0, "test/war": 0.6, "test/uar": 0.20},
    {"epoch": 3.0, "test/war": 0.5, "test/uar": 0.30},
]


def test_headline_stands_beside_the_best_on_test() -> None:
    assert results_record("last epoch", RATES, ["joy", "fear"], TESTED) == {
        "headline": "last epoch",
        "war": 0.5,
        "uar": 0.25,
        "recall": {"joy": 1.0, "fear": None},
        # Each by itself, and the first of equal epochs.
        "best_on_test": {"war": 0.6, "war_epoch": 2, "uar": 0.3, "uar_epoch": 1},
    }


def test_no_best_on_test_where_the_test_split_was_seen_once() -> None:
    validated = [{"epoch": 1.0, "validation/war": 0.4, "validation/uar": 0.3}]
    assert results_record("epoch 1", RATES, ["joy", "fear"], validated)["best_on_test"] is None
    assert results_record("epoch 1", RATES, ["joy", "fear"], [])["best_on_test"] is None


def test_a_record_is_strict_json() -> None:
    json.dumps(results_record("last epoch", RATES, ["joy", "fear"], TESTED), allow_nan=False)
