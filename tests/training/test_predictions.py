"""WAR, UAR and recalls against scikit-learn, and two processes against one."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score
from tests.processes import run_processes
from torch import Tensor
from torch.utils.data import BatchSampler, DistributedSampler

from micacl.training.predictions import ClipPredictions, Predictions, recognition_rates

NUM_CLIPS, NUM_CLASSES, FEATURE_DIM = 11, 4, 6


def predictions_of(label_N: Tensor, predicted_N: Tensor, num_classes: int) -> Predictions:
    probability_NK = torch.nn.functional.one_hot(predicted_N, num_classes).float()
    return Predictions(torch.arange(len(label_N)), label_N, probability_NK, torch.zeros(len(label_N), 1))


@pytest.mark.parametrize("seed", range(10))
def test_rates_against_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    num_classes = int(generator.integers(2, 9))
    num_clips = int(generator.integers(1, 200))
    # A class may have no clip, or only be predicted: then scikit-learn leaves it out of the mean as well.
    present = generator.permutation(num_classes)[: generator.integers(1, num_classes + 1)]
    label_N = generator.choice(present, num_clips)
    predicted_N = generator.integers(0, num_classes, num_clips)
    rates = recognition_rates(predictions_of(torch.from_numpy(label_N), torch.from_numpy(predicted_N), num_classes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert rates.war == pytest.approx(accuracy_score(label_N, predicted_N))
        assert rates.uar == pytest.approx(balanced_accuracy_score(label_N, predicted_N))
        recall_K = recall_score(label_N, predicted_N, labels=range(num_classes), average=None, zero_division=np.nan)
    np.testing.assert_allclose(rates.recall_K, recall_K)
    absent = set(range(num_classes)) - set(label_N.tolist())
    assert {k for k, recall in enumerate(rates.recall_K) if np.isnan(recall)} == absent


def outputs() -> tuple[Tensor, Tensor, Tensor]:
    """Label, logits and features of every clip."""
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randint(NUM_CLASSES, (NUM_CLIPS,), generator=generator),
        torch.randn(NUM_CLIPS, NUM_CLASSES, generator=generator),
        torch.randn(NUM_CLIPS, FEATURE_DIM, generator=generator),
    )


def collect(batches: list[list[int]]) -> Predictions:
    label_N, logits_NK, features_NC = outputs()
    collected = ClipPredictions()
    for batch in batches:
        index = torch.tensor(batch)
        collected.update(index, label_N[index], logits_NK[index], features_NC[index])
    predictions: Predictions = collected.compute()
    return predictions


def assert_whole(predictions: Predictions) -> None:
    """Every clip once, in order, with what belongs to it."""
    label_N, logits_NK, features_NC = outputs()
    assert predictions.index_N.tolist() == list(range(NUM_CLIPS))
    assert torch.equal(predictions.label_N, label_N)
    torch.testing.assert_close(predictions.probability_NK, torch.softmax(logits_NK, -1))
    assert torch.equal(predictions.features_NC, features_NC)
    assert torch.equal(predictions.prediction_N, logits_NK.argmax(-1))


def test_batches_in_any_order_and_repeated_clips() -> None:
    assert_whole(collect([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]))
    assert_whole(collect([[10, 3, 3], [5, 0, 8, 1], [2, 4, 6, 7, 9], [0, 0, 10]]))


def test_a_reset_forgets() -> None:
    label_N, logits_NK, features_NC = outputs()
    collected = ClipPredictions()
    for first in (0, 5):
        index = torch.arange(first, first + 5)
        collected.update(index, label_N[index], logits_NK[index], features_NC[index])
        assert collected.compute().index_N.tolist() == index.tolist()
        collected.reset()


def test_half_precision_does_not_reach_the_probabilities() -> None:
    collected = ClipPredictions()
    logits_BK = torch.tensor([[0.0, 1.0, 2.0]], dtype=torch.bfloat16)
    collected.update(torch.tensor([0]), torch.tensor([0]), logits_BK, torch.ones(1, 2, dtype=torch.bfloat16))
    predictions = collected.compute()
    assert predictions.probability_NK.dtype == predictions.features_NC.dtype == torch.float32
    assert float(predictions.probability_NK.sum()) == pytest.approx(1, abs=1e-6)


def collect_part(rank: int) -> list[Any]:
    # 11 clips over two processes: 6 each, so the sampler repeats clip 0; batches of 4 leave one of 2.
    sampler = DistributedSampler[int](range(NUM_CLIPS), 2, rank, shuffle=False)  # type: ignore[arg-type]
    batches = list(BatchSampler(sampler, 4, drop_last=False))
    return [batches, *collect(batches)]


def test_two_processes_with_a_repeated_clip_equal_one(tmp_path: Path) -> None:
    given: list[int] = []
    for batches, *found in run_processes(collect_part, tmp_path):
        assert [len(batch) for batch in batches] == [4, 2]
        given += [index for batch in batches for index in batch]
        assert_whole(Predictions(*found))
    assert len(given) == NUM_CLIPS + 1, "no clip was repeated, so the test shows nothing"
