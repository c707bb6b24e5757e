"""Expected calibration error against plain loops and against torchmetrics; Student's interval against SciPy's."""

import math

import numpy as np
import pytest
import torch
from scipy import stats  # type: ignore[import-untyped]
from torchmetrics.functional.classification import multiclass_calibration_error

from micacl.reporting.one_run.calibration import BINS, calibration
from micacl.reporting.sweep.interval import interval


@pytest.mark.parametrize("seed", range(5))
def test_ece_is_that_of_torchmetrics(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.full(7, 0.3), 500)
    label = rng.integers(0, 7, 500)
    expected = multiclass_calibration_error(torch.tensor(probability), torch.tensor(label), 7, n_bins=BINS, norm="l1")
    found = calibration(probability.max(axis=1), probability.argmax(axis=1) == label)
    assert found.ece == pytest.approx(float(expected), abs=1e-6)


def test_curve_against_plain_loops() -> None:
    rng = np.random.default_rng(0)
    confidence = np.concatenate([rng.random(300), [0.0, 1.0, 1 / BINS, 2 / BINS]])
    right = rng.random(304) < confidence
    found = calibration(confidence, right)
    clips, means, rates = [], [], []
    for b in range(BINS):
        inside = [n for n, value in enumerate(confidence) if (value > b / BINS or b == 0) and value <= (b + 1) / BINS]
        if inside:
            clips.append(len(inside))
            means.append(sum(confidence[n] for n in inside) / len(inside))
            rates.append(sum(right[n] for n in inside) / len(inside))
    assert found.clips.tolist() == clips
    np.testing.assert_allclose(found.confidence, means)
    np.testing.assert_allclose(found.accuracy, rates)


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_interval_is_students(folds: int) -> None:
    rates = np.random.default_rng(folds).random(folds)
    found = interval(list(enumerate(rates.tolist())))
    expected = stats.ttest_1samp(100 * rates, 0).confidence_interval(0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx(100 * rates.mean())
    assert found.folds == folds


def test_seeds_are_no_folds() -> None:
    once = interval([(1, 0.4), (2, 0.6)])
    assert interval([(1, 0.3), (1, 0.5), (2, 0.6), (2, 0.6)]) == once
    assert once is not None
    assert once.low == pytest.approx(50 - 10 * math.tan(0.95 * math.pi / 2))  # one degree of freedom: Cauchy
    single = interval([(None, 0.4), (None, 0.6)])
    assert single is not None
    assert (single.mean, single.low, single.high, single.folds) == (50, None, None, 1)
    assert interval([]) is None
