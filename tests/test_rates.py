"""WAR, UAR, recalls and shares against scikit-learn."""

import math
import warnings

import numpy as np
import pytest
from sklearn import metrics

from micacl.rates import confusion_matrix, recalls, shares, uar, war


@pytest.mark.parametrize("seed", range(30))
def test_random_predictions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_classes = int(rng.integers(1, 12))
    # A class may have no clip, or only be predicted.
    present = rng.permutation(num_classes)[: rng.integers(1, num_classes + 1)]
    label_N = rng.choice(present, int(rng.integers(1, 300)))
    prediction_N = np.where(rng.random(len(label_N)) < 0.5, label_N, rng.integers(0, num_classes, len(label_N)))

    counts_KK = confusion_matrix(label_N, prediction_N, num_classes)
    classes = list(range(num_classes))
    np.testing.assert_array_equal(counts_KK, metrics.confusion_matrix(label_N, prediction_N, labels=classes))
    assert war(counts_KK) == metrics.accuracy_score(label_N, prediction_N)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of classes without clips, and of a single class
        assert uar(counts_KK) == pytest.approx(metrics.balanced_accuracy_score(label_N, prediction_N), rel=1e-14)
        recall_K = metrics.recall_score(label_N, prediction_N, labels=classes, average=None, zero_division=np.nan)
        share_KK = metrics.confusion_matrix(label_N, prediction_N, labels=classes, normalize="true")
    np.testing.assert_array_equal(recalls(counts_KK), recall_K)
    absent = [k for k in classes if k not in label_N]
    share_KK[absent] = np.nan  # scikit-learn says 0 there
    np.testing.assert_array_equal(shares(counts_KK), share_KK)


@pytest.mark.parametrize("num_classes", [1, 7])
def test_no_clip_has_no_rate(num_classes: int) -> None:
    nothing = np.empty(0, dtype=np.int64)
    counts_KK = confusion_matrix(nothing, nothing, num_classes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert counts_KK.tolist() == [[0] * num_classes] * num_classes
        assert math.isnan(war(counts_KK))
        assert math.isnan(uar(counts_KK))
        assert np.isnan(recalls(counts_KK)).all()


def test_one_class_of_several() -> None:
    counts_KK = confusion_matrix(np.array([2, 2, 2]), np.array([2, 0, 2]), 4)
    assert war(counts_KK) == uar(counts_KK) == 2 / 3
    np.testing.assert_array_equal(recalls(counts_KK), [np.nan, np.nan, 2 / 3, np.nan])


def test_huge_counts() -> None:
    counts_KK = np.random.default_rng(0).integers(0, 2**58, (3, 3))
    label, prediction, weight = [0, 0, 0, 1, 1, 1, 2, 2, 2], [0, 1, 2] * 3, counts_KK.ravel().astype(np.float64)
    assert war(counts_KK) == pytest.approx(metrics.accuracy_score(label, prediction, sample_weight=weight))
    assert uar(counts_KK) == pytest.approx(metrics.balanced_accuracy_score(label, prediction, sample_weight=weight))


@pytest.mark.parametrize(("label", "prediction"), [([0, 3], [0, 0]), ([0, 1], [0, -1]), ([0, 1], [0])])
def test_what_are_no_classes_of_the_same_clips_are_refused(label: list[int], prediction: list[int]) -> None:
    with pytest.raises(ValueError, match=r"classes|shape"):
        confusion_matrix(np.array(label), np.array(prediction), 3)
