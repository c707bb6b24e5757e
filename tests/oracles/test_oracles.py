"""The oracles themselves, on numbers worked out by hand: a wrong oracle would let a wrong package pass."""

import math

import numpy as np
import pytest
from tests.oracles import differences, losses, network


def test_adjacency_by_hand() -> None:
    a_TT = network.adjacency(np.array([[1.0], [-1.0]]), np.array([[math.log(3.0), -5.0]]))
    # row 0: relu(log 3, -5) = (log 3, 0); row 1: relu(-log 3, 5) = (0, 5)
    np.testing.assert_allclose(a_TT[0], [0.75, 0.25])
    np.testing.assert_allclose(a_TT[1], [1 / (1 + math.exp(5)), math.exp(5) / (1 + math.exp(5))])


def test_geiim_by_hand() -> None:
    x_BTC = np.array([[[2.0], [6.0]]])
    zero = np.zeros((2, 1))
    # zero embeddings: A is uniform, A X = 4
    np.testing.assert_allclose(network.geiim(x_BTC, zero, zero.T, 0.25).ravel(), [3.5, 4.5])
    convolution = (np.array([[[1.0, 10.0, 100.0]]]), np.array([0.5]))
    np.testing.assert_allclose(network.geiim(x_BTC, zero, zero.T, 1.0, [convolution]).ravel(), [622.5, 68.5])


def test_wian_one_feature_by_hand() -> None:
    # one feature: w_t = 1 in either scale; zero weights: every gate is sigmoid(bias)
    bias = np.array([0.0, 0.0, 0.0, 1.0, 0.0])
    h = network.wian(np.ones((1, 2, 1)), np.zeros((5, 1)), bias, np.zeros((5, 1)), "printed").ravel()
    first = 0.5 * math.tanh(1.0) * 0.5
    np.testing.assert_allclose(h, [0.5 * math.tanh(first), 0.5 * math.tanh(0.5 * first + first)])


def test_contrastive_by_hand() -> None:
    s_BB = np.log(np.array([[9.0, 2.0, 1.0, 1.0], [2.0, 9.0, 4.0, 4.0], [1.0, 4.0, 9.0, 3.0], [1.0, 4.0, 3.0, 9.0]]))
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    printed = losses.contrastive_one_scale(s_BB, [0, 0, 1, 2], weights, "printed")
    assert printed == pytest.approx(-(1 * 2 / 13 + 2 * 2 / 19) / 4)
    logarithm = losses.contrastive_one_scale(s_BB, [0, 0, 1, 2], weights, "log")
    assert logarithm == pytest.approx((1 * math.log(4 / 2) + 2 * math.log(10 / 2)) / 4)
    three = losses.contrastive_one_scale(s_BB, [0, 0, 0, 2], np.array([1.0, 0.0, 0.0, 9.0]), "log")
    assert three == pytest.approx((math.log(4 / 2) + math.log(4 / 1)) / 2 / 4)


def test_scalars_by_hand() -> None:
    assert losses.temperature([100, 50, 25], 0.07) == pytest.approx(0.07 * (2 + 1.5 + 1.25) / 3)
    logits = np.log(np.array([[1.0, 1.0, 2.0]]))
    assert losses.category_weights(logits, [2], [6, 3, 1], "printed")[0] == pytest.approx(0.5)
    assert losses.category_weights(logits, [1], [6, 3, 1], "balanced")[0] == pytest.approx(10 / (3 * 3) * 0.75)
    assert losses.intensity_aware(logits, [0]) == pytest.approx(-math.log(1 / 3))
    assert losses.intensity_aware(logits, [2]) == pytest.approx(-math.log(2 / 3))
    assert losses.cross_entropy(logits, [2], 0.0) == pytest.approx(math.log(2))
    assert losses.cross_entropy(logits, [2], 0.3) == pytest.approx(0.8 * math.log(2) + 0.2 * math.log(4))
    np.testing.assert_allclose(losses.pool(np.arange(5.0), 2), [1.0, 3.0])  # bins 0..2 and 2..4 overlap
    np.testing.assert_allclose(losses.batch_deviation(np.array([[1.0], [3.0]])), [1.0])
    np.testing.assert_allclose(losses.similarity(np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]]), 0.5), [[48 / 25]])


def test_feature_augmentation_by_hand() -> None:
    x_BC = np.array([[0.0], [2.0]])  # deviation 1
    noise = np.array([[math.log(3.0)], [0.0]])

    def classifier(x_C: losses.Array) -> losses.Array:
        return np.array([2.0 * x_C[0], 0.0])

    clean = np.stack([classifier(x_C) for x_C in x_BC])
    value = losses.feature_augmentation(x_BC, clean, classifier, noise, 0.5)
    # clip 0: p = (1/2, 1/2), perturbed feature log(3)/2, q = (3/4, 1/4); clip 1: no noise, no divergence
    assert value == pytest.approx((0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)) / 2)


def test_gradient_of_a_cubic() -> None:
    np.testing.assert_allclose(
        differences.gradient(lambda x: float((x**3).sum()), np.array([[1.0, -2.0]])), [[3.0, 12.0]], rtol=1e-8
    )
