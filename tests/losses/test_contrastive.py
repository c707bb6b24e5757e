"""Equations (8), (11) and (12) against the oracles, their gradients, and what must hold whatever the numbers."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import differences, losses
from tests.oracles.problems import Problem, array, linears, problem, randomize
from torch import Tensor

from micacl.losses import MultiScaleContrastiveLoss
from micacl.losses.contrastive import Form, Weighting

FORMS: list[Form] = ["log", "printed"]
WEIGHTINGS: list[Weighting] = ["balanced", "printed"]
both_forms = pytest.mark.parametrize("form", FORMS)
both_weightings = pytest.mark.parametrize("weighting", WEIGHTINGS)


def build(
    p: Problem,
    form: Form,
    weighting: Weighting = "balanced",
    scales: tuple[int, ...] | None = None,
    base_temperature: float = 0.2,
    seed: int = 0,
) -> MultiScaleContrastiveLoss:
    """A small loss with random projections, in float64."""
    features = p.features.shape[1]
    loss = MultiScaleContrastiveLoss(
        p.counts,
        feature_dim=features,
        scales=scales or (features, max(1, features // 2), 3),
        projection_dim=5,
        base_temperature=base_temperature,
        form=form,
        weighting=weighting,
    ).double()
    randomize(loss.projections, seed)
    return loss


def oracle(
    p: Problem, loss: MultiScaleContrastiveLoss, scales: tuple[int, ...], form: Form, weighting: Weighting
) -> Tensor:
    """The oracle's loss of each scale with the module's projections, base temperature 0.2."""
    projections = [
        (size, array(layer.weight), array(layer.bias))
        for size, layer in zip(scales, linears(loss.projections), strict=True)
    ]
    weights_B = losses.category_weights(array(p.logits), p.label_list, p.counts, weighting)
    values = losses.contrastive(array(p.features), p.label_list, weights_B, p.counts, projections, 0.2, form)
    return torch.from_numpy(values)


def gradients(loss: MultiScaleContrastiveLoss, p: Problem, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Value and feature gradient of the summed loss; every parameter's gradient must be finite."""
    features_BC = p.features.to(dtype).requires_grad_()
    values_S = loss.to(dtype)(features_BC, p.logits.to(dtype), p.labels)
    values_S.sum().backward()
    assert features_BC.grad is not None
    for parameter in loss.parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all()
    return values_S.detach(), features_BC.grad


@both_forms
@both_weightings
@pytest.mark.parametrize("seed", range(15))
def test_each_scale_equals_the_oracle(seed: int, form: Form, weighting: Weighting) -> None:
    rng = np.random.default_rng(seed)
    features = int(rng.integers(4, 14))
    p = problem(seed, int(rng.integers(1, 11)), features, int(rng.integers(2, 8)))
    scales = tuple(int(size) for size in rng.integers(1, features + 1, size=int(rng.integers(1, 4))))
    loss = build(p, form, weighting, scales, seed=seed)
    values_S = loss(p.features, p.logits, p.labels)
    assert values_S.shape == (len(scales),)
    torch.testing.assert_close(values_S, oracle(p, loss, scales, form, weighting), rtol=1e-10, atol=1e-12)


def test_default_is_logarithm_balanced_and_three_scales_of_512() -> None:
    torch.manual_seed(0)
    p = problem(0, 5, 512)
    default = MultiScaleContrastiveLoss(p.counts).double()
    assert [(layer.in_features, layer.out_features) for layer in linears(default.projections)] == [
        (512, 128),
        (256, 128),
        (128, 128),
    ]
    named = MultiScaleContrastiveLoss(
        p.counts,
        feature_dim=512,
        scales=(512, 256, 128),
        projection_dim=128,
        base_temperature=0.07,
        form="log",
        weighting="balanced",
    ).double()
    named.load_state_dict(default.state_dict())
    values_S = default(p.features, p.logits, p.labels)
    torch.testing.assert_close(values_S, named(p.features, p.logits, p.labels))
    projections = [
        (size, array(layer.weight), array(layer.bias))
        for size, layer in zip((512, 256, 128), linears(default.projections), strict=True)
    ]
    weights_B = losses.category_weights(array(p.logits), p.label_list, p.counts, "balanced")
    expected = losses.contrastive(array(p.features), p.label_list, weights_B, p.counts, projections, 0.07, "log")
    np.testing.assert_allclose(array(values_S), expected, rtol=1e-10)


@both_forms
@both_weightings
@pytest.mark.parametrize("seed", range(3))
def test_gradients_equal_finite_differences_of_the_oracle(seed: int, form: Form, weighting: Weighting) -> None:
    p = problem(seed, 6, 7, 3)
    scales = (7, 3)
    loss = build(p, form, weighting, scales, seed=seed)
    features_BC = p.features.clone().requires_grad_()
    logits_BK = p.logits.clone().requires_grad_()
    values_S = loss(features_BC, logits_BK, p.labels)
    # unequal weights: a gradient that mixed the scales up would show
    (values_S * torch.tensor([1.0, -2.0], dtype=torch.float64)).sum().backward()
    assert logits_BK.grad is None or not logits_BK.grad.any()  # W_c is detached

    weights_B = losses.category_weights(array(p.logits), p.label_list, p.counts, weighting)
    given = [array(p.features)] + [
        array(parameter) for layer in linears(loss.projections) for parameter in layer.parameters()
    ]

    def value(at: int, x: losses.Array) -> float:
        now = [x if index == at else other for index, other in enumerate(given)]
        projections = [(size, now[1 + 2 * s], now[2 + 2 * s]) for s, size in enumerate(scales)]
        pair = losses.contrastive(now[0], p.label_list, weights_B, p.counts, projections, 0.2, form)
        return float(pair[0] - 2 * pair[1])

    actual = [features_BC] + [parameter for layer in linears(loss.projections) for parameter in layer.parameters()]
    for at, tensor in enumerate(actual):
        assert tensor.grad is not None
        expected = differences.gradient(lambda x, at=at: value(at, x), given[at])  # type: ignore[misc]
        np.testing.assert_allclose(array(tensor.grad), expected, rtol=1e-5, atol=1e-8)


@both_forms
def test_gradcheck(form: Form) -> None:
    p = problem(11, 5, 6, 2)
    loss = build(p, form)
    assert torch.autograd.gradcheck(lambda x: loss(x, p.logits, p.labels), (p.features.clone().requires_grad_(),))


@given(
    seed=st.integers(0, 10_000),
    batch=st.integers(1, 12),
    classes=st.integers(2, 7),
    form=st.sampled_from(FORMS),
    weighting=st.sampled_from(WEIGHTINGS),
)
@settings(max_examples=25, deadline=None)
def test_order_of_the_batch_does_not_matter(
    seed: int, batch: int, classes: int, form: Form, weighting: Weighting
) -> None:
    p = problem(seed, batch, 8, classes)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(batch))
    shuffled = Problem(p.features[order], p.logits[order], p.labels[order], p.counts)
    loss = build(p, form, weighting)
    values_S, gradient_BC = gradients(loss, p)
    shuffled_S, shuffled_gradient_BC = gradients(loss, shuffled)
    torch.testing.assert_close(shuffled_S, values_S)
    torch.testing.assert_close(shuffled_gradient_BC, gradient_BC[order])


@given(seed=st.integers(0, 10_000), batch=st.integers(2, 9), form=st.sampled_from(FORMS))
@settings(max_examples=20, deadline=None)
def test_renaming_the_classes_does_not_matter(seed: int, batch: int, form: Form) -> None:
    p = problem(seed, batch, 8, 5)
    names = np.random.default_rng(seed).permutation(5)  # the old name of each new class
    new_name = torch.from_numpy(np.argsort(names))
    renamed = Problem(p.features, p.logits[:, names], new_name[p.labels], [p.counts[name] for name in names])
    torch.testing.assert_close(gradients(build(renamed, form), renamed), gradients(build(p, form), p))


@both_forms
def test_scale_of_the_features_does_not_matter_where_the_projections_have_no_offset(form: Form) -> None:
    p = problem(21, 6)
    loss = build(p, form)
    for layer in linears(loss.projections):
        torch.nn.init.zeros_(layer.bias)
    values_S = loss(p.features, p.logits, p.labels)
    torch.testing.assert_close(loss(1000 * p.features, p.logits, p.labels), values_S)
    each_B1 = torch.rand(6, 1, dtype=torch.float64) + 0.1
    torch.testing.assert_close(loss(each_B1 * p.features, p.logits, p.labels), values_S)


@given(seed=st.integers(0, 10_000), batch=st.integers(1, 9), weighting=st.sampled_from(WEIGHTINGS))
@settings(max_examples=20, deadline=None)
def test_sign_and_bounds(seed: int, batch: int, weighting: Weighting) -> None:
    p = problem(seed, batch, 8, 3)
    assert (build(p, "log", weighting)(p.features, p.logits, p.labels) >= 0).all()
    printed_S = build(p, "printed", weighting)(p.features, p.logits, p.labels)
    weights_B = losses.category_weights(array(p.logits), p.label_list, p.counts, weighting)
    assert (printed_S <= 0).all()
    assert (printed_S >= -weights_B.mean()).all()


@both_forms
def test_one_class_in_the_batch(form: Form) -> None:
    p = problem(31, labels=[2] * 6)
    loss = build(p, form)
    values_S, gradient_BC = gradients(loss, p)
    torch.testing.assert_close(values_S, oracle(p, loss, (12, 6, 3), form, "balanced"))
    assert gradient_BC.isfinite().all()


@both_forms
def test_a_sample_without_positive_contributes_nothing_and_is_counted(form: Form) -> None:
    # classes 1, 2, 3 have one sample each; only the two of class 0 contribute, over a batch of five
    p = problem(32, labels=[0, 1, 0, 2, 3])
    loss = build(p, form)
    values_S = loss(p.features, p.logits, p.labels)
    torch.testing.assert_close(values_S, oracle(p, loss, (12, 6, 3), form, "balanced"))
    # the lonely samples' own weights play no part
    logits_BK = p.logits.clone()
    logits_BK[[1, 3, 4]] = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(loss(p.features, logits_BK, p.labels), values_S)


@both_forms
@both_weightings
def test_no_positive_at_all(form: Form, weighting: Weighting) -> None:
    p = problem(33, labels=[3, 1, 0, 2])
    values_S, gradient_BC = gradients(build(p, form, weighting), p)
    torch.testing.assert_close(values_S, torch.zeros_like(values_S))
    torch.testing.assert_close(gradient_BC, torch.zeros_like(gradient_BC))


@both_forms
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_batch_of_one(form: Form, dtype: torch.dtype) -> None:
    p = problem(34, labels=[1])
    with torch.autograd.set_detect_anomaly(True):  # no NaN on the way either, even one that a mask would remove
        values_S, gradient_BC = gradients(build(p, form), p, dtype)
    torch.testing.assert_close(values_S, torch.zeros_like(values_S))
    torch.testing.assert_close(gradient_BC, torch.zeros_like(gradient_BC))


@both_forms
@both_weightings
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_huge_logits(form: Form, weighting: Weighting, size: float) -> None:
    p = problem(35)
    huge = Problem(p.features, size * p.logits, p.labels, p.counts)
    values_S, gradient_BC = gradients(build(huge, form, weighting), huge, torch.float32)
    assert values_S.isfinite().all()
    assert gradient_BC.isfinite().all()


@both_forms
def test_a_sure_and_right_model_has_no_contrastive_loss(form: Form) -> None:
    p = problem(36)
    sure = Problem(p.features, 1e4 * torch.nn.functional.one_hot(p.labels, 4).double(), p.labels, p.counts)
    values_S, gradient_BC = gradients(build(sure, form), sure)
    torch.testing.assert_close(values_S, torch.zeros_like(values_S))
    torch.testing.assert_close(gradient_BC, torch.zeros_like(gradient_BC))


@both_forms
def test_identical_features(form: Form) -> None:
    p = problem(37, labels=[0, 0, 1, 1, 1])
    same = Problem(p.features[:1].expand(5, -1).clone(), torch.zeros(5, 4), p.labels, [10, 10, 10, 10])
    loss = build(same, form)
    values_S, gradient_BC = gradients(loss, same)
    # every similarity is 1 / tau, every weight 3/4
    expected = 0.75 * math.log(4) if form == "log" else -0.75 * (2 * 1 / 5 + 3 * 2 / 5) / 5
    torch.testing.assert_close(values_S, torch.full_like(values_S, expected))
    assert gradient_BC.isfinite().all()


@both_forms
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [[0], [0, 1], [0, 1, 2, 3, 4]])
def test_zero_vectors(form: Form, dtype: torch.dtype, rows: list[int]) -> None:
    p = problem(38, labels=[0, 0, 1, 1, 1])
    p.features[rows] = 0
    loss = build(p, form, base_temperature=0.07)
    for layer in linears(loss.projections):
        torch.nn.init.zeros_(layer.bias)
    values_S, gradient_BC = gradients(loss, p, dtype)
    assert values_S.isfinite().all()
    assert gradient_BC.isfinite().all()


@both_forms
def test_a_cold_temperature_does_not_overflow(form: Form) -> None:
    # exp(1 / 0.002) is beyond float32: only the differences of similarities may be exponentiated
    p = problem(39)
    loss = build(p, form, base_temperature=0.001)
    values_S, gradient_BC = gradients(loss, p, torch.float32)
    assert values_S.isfinite().all()
    assert gradient_BC.isfinite().all()
    wide_S = build(p, form, base_temperature=0.001)(p.features, p.logits, p.labels)
    torch.testing.assert_close(values_S.double(), wide_S, rtol=1e-3, atol=1e-4)


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ValueError, match="form"):
        MultiScaleContrastiveLoss([3, 4], form="khosla")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="weighting"):
        MultiScaleContrastiveLoss([3, 4], weighting="none")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="class"):
        MultiScaleContrastiveLoss([3, 0])  # 1 / n_c and N / (K n_c) do not exist
    with pytest.raises(ValueError, match="scales"):
        MultiScaleContrastiveLoss([3, 4], feature_dim=8, scales=(16,))
    with pytest.raises(ValueError, match="temperature"):
        MultiScaleContrastiveLoss([3, 4], base_temperature=0.0)


@both_forms
@both_weightings
def test_autocast_changes_nothing(form: Form, weighting: Weighting) -> None:
    p = problem(41, 8, 32)
    loss = build(p, form, weighting, base_temperature=0.07).float()
    features_BC, logits_BK = p.features.float(), p.logits.float()
    expected_S = loss(features_BC, logits_BK, p.labels)
    with torch.autocast("cpu", torch.bfloat16):
        values_S = loss(features_BC, logits_BK, p.labels)
    assert values_S.dtype == torch.float32
    torch.testing.assert_close(values_S, expected_S)
