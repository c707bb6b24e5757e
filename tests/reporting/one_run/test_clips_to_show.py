"""The clips to look at follow the rule, read clip by clip."""

import numpy as np
import pytest

from micacl.reporting.one_run.clips_to_show import choose, tail_classes
from micacl.run_folder.predictions import Predictions


def random_predictions(rng: np.random.Generator, clips: int, classes: int) -> Predictions:
    probability = np.round(rng.dirichlet(np.ones(classes), clips), 1)  # many are equal
    probability[rng.random(clips) < 0.1] = np.nan
    label = rng.integers(0, classes, clips)
    prediction = np.where(rng.random(clips) < 0.5, label, rng.integers(0, classes, clips))
    return Predictions(tuple(f"clip {n}" for n in range(clips)), label, prediction, probability)


@pytest.mark.parametrize("seed", range(20))
def test_the_rule(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clips, classes = int(rng.integers(1, 60)), int(rng.integers(1, 9))
    predictions = random_predictions(rng, clips, classes)
    counts = rng.permutation(np.arange(1, classes + 1)).tolist()  # no two are equally rare
    tail = [k for k in range(classes) if counts[k] <= max(1, classes // 3)]
    assert tail_classes(counts) == tail

    label, guess, p = predictions.label.tolist(), predictions.prediction.tolist(), predictions.probability.tolist()
    known = [n for n in range(clips) if p[n][0] == p[n][0]]
    mistakes = sorted((n for n in known if guess[n] != label[n]), key=lambda n: (-p[n][guess[n]], n))[:6]
    worst = sorted((n for n in known if label[n] in tail and n not in mistakes), key=lambda n: (p[n][label[n]], n))[:6]
    found = choose(predictions, counts)
    assert [(clip.index, clip.reason) for clip in found] == [
        *((n, "confident mistake") for n in mistakes),
        *((n, "tail class") for n in worst),
    ]


def test_equally_rare_classes() -> None:
    assert tail_classes([4] * 7) == [5, 6]
    assert tail_classes([3]) == [0]
