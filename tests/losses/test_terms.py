"""Equations (7), (9), (10), intensity-aware loss, cross-entropy and the feature regulariser against the oracles."""

import numpy as np
import pytest
import torch
from tests.oracles import differences, losses, network
from tests.oracles.problems import Problem, array, problem
from torch import Tensor, nn

from micacl.losses import (
    CrossEntropyLoss,
    category_weights,
    feature_augmentation_loss,
    intensity_aware_loss,
    similarity,
    temperature,
)
from micacl.losses.contrastive import Weighting

SEEDS = range(12)


def random_problem(seed: int) -> Problem:
    """Sizes that change with the seed."""
    rng = np.random.default_rng(1000 + seed)
    return problem(seed, int(rng.integers(1, 10)), int(rng.integers(3, 15)), int(rng.integers(2, 9)))


class Recording:
    """A linear classifier that keeps what it was asked."""

    def __init__(self, linear: nn.Linear) -> None:
        self.linear = linear
        self.asked: list[Tensor] = []

    def __call__(self, features_BC: Tensor) -> Tensor:
        self.asked.append(features_BC)
        out: Tensor = self.linear(features_BC)
        return out


def linear_classifier(features: int, classes: int, seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(features, classes, dtype=torch.float64)


def oracle_classifier(linear: nn.Linear) -> losses.Classifier:
    weight, bias = array(linear.weight), array(linear.bias)
    return lambda x_C: np.array([network.dot(weight[k], x_C) + float(bias[k]) for k in range(len(bias))])


@pytest.mark.parametrize("weighting", ["printed", "balanced"])
@pytest.mark.parametrize("seed", SEEDS)
def test_category_weights(seed: int, weighting: Weighting) -> None:
    p = random_problem(seed)
    weights_B = category_weights(p.logits, p.labels, torch.tensor(p.counts), weighting=weighting)
    assert weights_B.shape == p.labels.shape
    expected = losses.category_weights(array(p.logits), p.label_list, p.counts, weighting)
    np.testing.assert_allclose(array(weights_B), expected, rtol=1e-12)


def test_category_weights_carry_no_gradient() -> None:
    p = random_problem(1)
    weights_B = category_weights(p.logits.requires_grad_(), p.labels, torch.tensor(p.counts), "balanced")
    assert not weights_B.requires_grad


def test_balanced_weights_average_one_for_a_model_that_knows_nothing_on_the_split_itself() -> None:
    # the sum over the training split of N / (K n_c) is N: balanced weighting moves weight, it adds none
    counts = [8, 4, 2]
    labels_B = torch.tensor([0] * 8 + [1] * 4 + [2] * 2)
    weights_B = category_weights(torch.zeros(14, 3, dtype=torch.float64), labels_B, torch.tensor(counts), "balanced")
    assert float(weights_B.mean()) == pytest.approx(1 - 1 / 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_temperature(seed: int) -> None:
    p = random_problem(seed)
    base = 0.01 + 0.02 * seed
    assert float(temperature(torch.tensor(p.counts), base)) == pytest.approx(losses.temperature(p.counts, base))


@pytest.mark.parametrize("seed", SEEDS)
def test_temperature_lies_above_the_base_and_at_most_twice_it(seed: int) -> None:
    counts_K = torch.tensor(problem(seed, classes=2 + seed % 6).counts)
    assert 0.07 < float(temperature(counts_K, 0.07)) <= 2 * 0.07 * (1 + 1e-6)


def test_temperature_of_equal_classes_is_twice_the_base_and_ignores_the_unit_of_counts() -> None:
    assert float(temperature(torch.tensor([5, 5, 5]), 0.07)) == pytest.approx(0.14)
    long_tailed = torch.tensor([90, 30, 10])
    assert float(temperature(long_tailed, 0.07)) == pytest.approx(float(temperature(10 * long_tailed, 0.07)))


@pytest.mark.parametrize("seed", SEEDS)
def test_similarity(seed: int) -> None:
    p = random_problem(seed)
    keys_ND = problem(500 + seed, 5, p.features.shape[1]).features
    expected = losses.similarity(array(p.features), array(p.features), 0.3)
    np.testing.assert_allclose(array(similarity(p.features, p.features, 0.3)), expected, rtol=1e-12, atol=1e-14)
    expected = losses.similarity(array(p.features), array(keys_ND), 0.3)
    np.testing.assert_allclose(array(similarity(p.features, keys_ND, 0.3)), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("seed", SEEDS)
def test_similarity_ignores_positive_scale_and_is_bounded(seed: int) -> None:
    z_BD = random_problem(seed).features
    scales_B1 = torch.logspace(-3, 4, len(z_BD), dtype=torch.float64)[:, None]
    s_BB = similarity(z_BD, z_BD, 0.1)
    torch.testing.assert_close(similarity(scales_B1 * z_BD, z_BD, 0.1), s_BB)
    torch.testing.assert_close(similarity(z_BD, scales_B1 * z_BD, 0.1), s_BB)
    assert float(s_BB.abs().max()) <= 10 * (1 + 1e-12)
    torch.testing.assert_close(s_BB.diagonal(), torch.full((len(z_BD),), 10.0, dtype=torch.float64))


def test_similarity_of_zero_vectors_is_zero_with_finite_gradients() -> None:
    z_BD = torch.zeros(3, 4, requires_grad=True)
    all_BD = torch.cat([z_BD, torch.ones(1, 4)])
    s_BB = similarity(all_BD, all_BD, 0.07)
    torch.testing.assert_close(s_BB[:3], torch.zeros(3, 4))
    s_BB.sum().backward()
    assert z_BD.grad is not None
    assert z_BD.grad.isfinite().all()


def test_similarity_gradient() -> None:
    z_BD = problem(3, 4, 3).features.requires_grad_()
    keys_ND = problem(4, 5, 3).features.requires_grad_()
    assert torch.autograd.gradcheck(lambda z, k: similarity(z, k, 0.5), (z_BD, keys_ND))
    assert torch.autograd.gradcheck(lambda z: similarity(z, z, 0.5), (z_BD,))


@pytest.mark.parametrize("seed", SEEDS)
def test_intensity_aware(seed: int) -> None:
    p = random_problem(seed)
    value = intensity_aware_loss(p.logits, p.labels)
    assert value.ndim == 0
    assert float(value) == pytest.approx(losses.intensity_aware(array(p.logits), p.label_list), rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_intensity_aware_gradient(seed: int) -> None:
    p = random_problem(seed)
    logits_BK = p.logits.clone().requires_grad_()
    intensity_aware_loss(logits_BK, p.labels).backward()
    assert logits_BK.grad is not None
    expected = differences.gradient(lambda x: losses.intensity_aware(x, p.label_list), array(p.logits))
    np.testing.assert_allclose(array(logits_BK.grad), expected, atol=1e-8)
    assert torch.autograd.gradcheck(lambda x: intensity_aware_loss(x, p.labels), (logits_BK,))


def test_intensity_aware_when_the_target_leads_and_when_it_does_not() -> None:
    logits_BK = torch.tensor([[5.0, 1.0, -2.0]], dtype=torch.float64)
    # the target's own logit is never x_max
    assert float(intensity_aware_loss(logits_BK, torch.tensor([0]))) == pytest.approx(np.log1p(np.exp(-4.0)))
    assert float(intensity_aware_loss(logits_BK, torch.tensor([2]))) == pytest.approx(np.log1p(np.exp(7.0)))


def test_intensity_aware_with_huge_logits() -> None:
    logits_BK = torch.tensor([[1e4, -1e4], [-1e30, 1e30]], requires_grad=True)
    value = intensity_aware_loss(logits_BK, torch.tensor([1, 1]))
    assert float(value.detach()) == pytest.approx(1e4)
    value.backward()
    assert logits_BK.grad is not None
    torch.testing.assert_close(logits_BK.grad, torch.tensor([[0.5, -0.5], [0.0, 0.0]]))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_cross_entropy(seed: int, smoothing: float) -> None:
    p = random_problem(seed)
    linear = linear_classifier(p.features.shape[1], p.logits.shape[1])
    terms = CrossEntropyLoss(label_smoothing=smoothing)(p.logits, p.features, p.labels, linear)
    expected = losses.cross_entropy(array(p.logits), p.label_list, smoothing)
    assert float(terms["total"]) == pytest.approx(expected, rel=1e-12)
    assert all(term.ndim == 0 for term in terms.values())


def test_cross_entropy_smooths_by_a_tenth_unless_told() -> None:
    p = random_problem(2)
    linear = linear_classifier(p.features.shape[1], p.logits.shape[1])
    terms = CrossEntropyLoss()(p.logits, p.features, p.labels, linear)
    assert float(terms["total"]) == pytest.approx(losses.cross_entropy(array(p.logits), p.label_list, 0.1))


def augmented(p: Problem, linear: nn.Linear, noise_scale: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The regulariser's value and the perturbed features that the classifier saw."""
    classifier = Recording(linear)
    value = feature_augmentation_loss(
        p.features, p.logits, classifier, noise_scale, generator=torch.Generator().manual_seed(seed)
    )
    (perturbed_BC,) = classifier.asked
    return value, perturbed_BC


@pytest.mark.parametrize("seed", SEEDS)
def test_feature_augmentation(seed: int) -> None:
    p = problem(seed, 2 + seed % 5, 3 + seed, 2 + seed % 4)
    linear = linear_classifier(p.features.shape[1], p.logits.shape[1], seed)
    value, perturbed_BC = augmented(p, linear, 0.3, seed)
    assert value.ndim == 0
    features_BC = array(p.features)
    noise_BC = (array(perturbed_BC) - features_BC) / (0.3 * losses.batch_deviation(features_BC))
    expected = losses.feature_augmentation(features_BC, array(p.logits), oracle_classifier(linear), noise_BC, 0.3)
    assert float(value.detach()) == pytest.approx(expected, rel=1e-10)


def test_feature_augmentation_noise_is_standard_normal_times_the_batch_deviation() -> None:
    p = problem(0, 64, 1500, 3)
    _, perturbed_BC = augmented(p, linear_classifier(1500, 3), 0.2)
    features_BC = array(p.features)
    noise_BC = (array(perturbed_BC) - features_BC) / (0.2 * losses.batch_deviation(features_BC))
    # 96 000 draws: the standard error of the mean is 0.0032, of the deviation 0.0023
    assert abs(noise_BC.mean()) < 0.015
    assert abs(noise_BC.std() - 1) < 0.012
    assert abs((np.abs(noise_BC) < 1).mean() - 0.6827) < 0.01
    assert abs((noise_BC[:32] * noise_BC[32:]).mean()) < 0.02  # clips draw apart
    assert abs((noise_BC[:, :750] * noise_BC[:, 750:]).mean()) < 0.02  # and so do features


def test_feature_augmentation_deviation_is_the_biased_one() -> None:
    p = problem(1, 2, 4000, 3)
    _, perturbed_BC = augmented(p, linear_classifier(4000, 3), 0.2)
    features_BC = array(p.features)
    noise_BC = (array(perturbed_BC) - features_BC) / (0.2 * losses.batch_deviation(features_BC))
    assert abs(noise_BC.std() - 1) < 0.05  # of two clips, the unbiased deviation is 1.41 times as large


def test_feature_augmentation_follows_its_generator() -> None:
    p = problem(1)
    linear = linear_classifier(12, 4)
    first, again, other = augmented(p, linear, 0.5, 7), augmented(p, linear, 0.5, 7), augmented(p, linear, 0.5, 8)
    torch.testing.assert_close(first[1], again[1], rtol=0, atol=0)
    assert not torch.equal(first[1], other[1])
    torch.manual_seed(3)
    value = feature_augmentation_loss(p.features, p.logits, linear, 0.5)
    torch.manual_seed(3)
    torch.testing.assert_close(feature_augmentation_loss(p.features, p.logits, linear, 0.5), value, rtol=0, atol=0)


def test_feature_augmentation_without_noise_or_deviation_is_zero() -> None:
    p = problem(2)
    linear = linear_classifier(12, 4)
    clean = Problem(p.features, linear(p.features).detach(), p.labels, p.counts)
    assert float(augmented(clean, linear, 0.0)[0].detach()) == pytest.approx(0, abs=1e-12)
    one = Problem(p.features[:1], clean.logits[:1], p.labels[:1], p.counts)  # one clip: its deviation is 0
    assert float(augmented(one, linear, 0.5)[0].detach()) == pytest.approx(0, abs=1e-12)
    assert float(augmented(clean, linear, 0.5)[0].detach()) > 0


def test_feature_augmentation_gradient_reaches_features_and_classifier_and_not_the_clean_prediction() -> None:
    p = problem(5, 4, 6, 3)
    linear = linear_classifier(6, 3)
    q = Problem(p.features.clone().requires_grad_(), p.logits.clone().requires_grad_(), p.labels, p.counts)
    value, perturbed_BC = augmented(q, linear, 0.4)
    value.backward()
    assert q.logits.grad is None or not q.logits.grad.any()
    features_BC, logits_BK = array(p.features), array(p.logits)
    deviation_C = losses.batch_deviation(features_BC)
    noise_BC = (array(perturbed_BC) - features_BC) / (0.4 * deviation_C)
    classify = oracle_classifier(linear)

    def of_features(x_BC: losses.Array) -> float:
        return losses.feature_augmentation(x_BC, logits_BK, classify, noise_BC, 0.4, deviation_C)

    assert q.features.grad is not None
    np.testing.assert_allclose(array(q.features.grad), differences.gradient(of_features, features_BC), atol=1e-8)

    bias = array(linear.bias)

    def of_weight(weight: losses.Array) -> float:
        def classifier(x_C: losses.Array) -> losses.Array:
            return np.array([network.dot(weight[k], x_C) + float(bias[k]) for k in range(3)])

        return losses.feature_augmentation(features_BC, logits_BK, classifier, noise_BC, 0.4)

    assert linear.weight.grad is not None
    np.testing.assert_allclose(
        array(linear.weight.grad), differences.gradient(of_weight, array(linear.weight)), atol=1e-8
    )


def test_feature_augmentation_with_huge_logits_is_finite() -> None:
    features_BC = torch.tensor([[1e4, -1e4], [-1e4, 1e4]], requires_grad=True)
    linear = nn.Linear(2, 2)
    value = feature_augmentation_loss(features_BC, 1e4 * torch.eye(2), linear, 1.0)
    value.backward()
    assert value.isfinite()
    assert features_BC.grad is not None
    assert features_BC.grad.isfinite().all()


def test_autocast_changes_nothing() -> None:
    p = random_problem(3)
    features_BC, logits_BK = p.features.float(), p.logits.float()
    linear = linear_classifier(features_BC.shape[1], logits_BK.shape[1]).float()

    def values() -> list[Tensor]:
        generator = torch.Generator().manual_seed(0)
        return [
            intensity_aware_loss(logits_BK, p.labels),
            feature_augmentation_loss(features_BC, logits_BK, linear, 0.3, generator=generator),
            category_weights(logits_BK, p.labels, torch.tensor(p.counts), "balanced"),
        ]

    expected = values()
    with torch.autocast("cpu", torch.bfloat16):
        for value, exact in zip(values(), expected, strict=True):
            assert value.dtype == torch.float32
            torch.testing.assert_close(value, exact)
