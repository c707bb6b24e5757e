"""The losses that MCCL is held against: focal, class-balanced, logit-adjusted and supervised contrastive."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from tests.oracles import differences, losses
from tests.oracles.losses import Array
from tests.oracles.problems import Problem, array, linears, problem, randomize
from tests.processes import run_processes
from torch import Tensor, nn

from micacl.losses import (
    ClassBalancedLoss,
    CrossEntropyLoss,
    FocalLoss,
    LogitAdjustedLoss,
    SupervisedContrastiveLoss,
)
from micacl.losses.contrastive import MultiScaleContrastiveLoss

FEATURES = 12
HEAD = nn.Linear(1, 1)  # none of these losses asks the classifier

Oracle = Callable[[Array, Problem], float]

# Name: what builds the loss for a problem, and the same by plain loops.
OF_LOGITS: dict[str, tuple[Callable[[Problem], nn.Module], Oracle]] = {
    "focal": (lambda _: FocalLoss(1.7), lambda x, p: losses.focal(x, p.label_list, 1.7)),
    "class_balanced": (
        lambda p: ClassBalancedLoss(p.counts, 0.99, 0.1),
        lambda x, p: losses.class_balanced(x, p.label_list, p.counts, 0.99, 0.1),
    ),
    "logit_adjusted": (
        lambda p: LogitAdjustedLoss(p.counts, 0.8, 0.1),
        lambda x, p: losses.logit_adjusted(x, p.label_list, p.counts, 0.8, 0.1),
    ),
}
each_of_logits = pytest.mark.parametrize("name", OF_LOGITS)


def total(loss: nn.Module, p: Problem, logits_BK: Tensor | None = None, features_BC: Tensor | None = None) -> Tensor:
    terms: dict[str, Tensor] = loss(
        p.logits if logits_BK is None else logits_BK, p.features if features_BC is None else features_BC, p.labels, HEAD
    )
    assert all(term.ndim == 0 for term in terms.values())
    return terms["total"]


@each_of_logits
@pytest.mark.parametrize("seed", range(12))
def test_value_and_gradient_equal_the_oracle(name: str, seed: int) -> None:
    build, oracle = OF_LOGITS[name]
    p = problem(seed, batch=1 + seed, classes=2 + seed % 6)
    logits_BK = p.logits.clone().requires_grad_()
    value = total(build(p), p, logits_BK)
    assert float(value.detach()) == pytest.approx(oracle(array(p.logits), p), rel=1e-10)
    value.backward()
    assert logits_BK.grad is not None
    expected = differences.gradient(lambda x: oracle(x, p), array(p.logits))
    np.testing.assert_allclose(array(logits_BK.grad), expected, atol=1e-8)


@each_of_logits
def test_gradcheck(name: str) -> None:
    p = problem(5)
    loss = OF_LOGITS[name][0](p)
    assert torch.autograd.gradcheck(lambda x: total(loss, p, x), (p.logits.clone().requires_grad_(),))


@pytest.mark.parametrize("seed", range(5))
def test_without_their_effect_all_are_cross_entropy(seed: int) -> None:
    p = problem(seed)
    equal = Problem(p.features, p.logits, p.labels, [30] * p.logits.shape[1])
    plain, smooth = total(CrossEntropyLoss(0.0), p), total(CrossEntropyLoss(0.1), p)
    torch.testing.assert_close(total(FocalLoss(0.0), p), plain)
    torch.testing.assert_close(total(ClassBalancedLoss(p.counts, 0.0), p), smooth)
    torch.testing.assert_close(total(ClassBalancedLoss(equal.counts, 0.9), equal), smooth)
    torch.testing.assert_close(total(LogitAdjustedLoss(p.counts, 0.0), p), smooth)
    torch.testing.assert_close(total(LogitAdjustedLoss(equal.counts, 1.0), equal), smooth)
    alone = SupervisedContrastiveLoss(FEATURES, 4, contrastive_weight=0.0).double()
    torch.testing.assert_close(total(alone, p), smooth)


@pytest.mark.parametrize("seed", range(5))
def test_logit_adjustment_with_tau_1_is_balanced_softmax(seed: int) -> None:
    p = problem(seed)
    # Ren et al., equation (3), as printed: n_c exp(x_c) over the sum of n_k exp(x_k).
    weighted_BK = torch.tensor(p.counts) * p.logits.exp()
    expected = -(weighted_BK / weighted_BK.sum(1, keepdim=True)).gather(1, p.labels[:, None]).log().mean()
    torch.testing.assert_close(total(LogitAdjustedLoss(p.counts, 1.0, 0.0), p), expected)


def test_rare_classes_weigh_more() -> None:
    counts = [500, 50, 5]
    logits_BK = torch.zeros(1, 3)
    for build in (lambda: ClassBalancedLoss(counts), lambda: LogitAdjustedLoss(counts)):
        values = []
        for label in range(3):
            p = Problem(torch.zeros(1, FEATURES), logits_BK, torch.tensor([label]), counts)
            values.append(float(total(build(), p)))
        assert values == sorted(values)
        assert values[2] > 2 * values[0]


def test_class_balanced_weights_go_from_equal_to_inverse_counts() -> None:
    counts = [400, 100, 10]

    def weights(beta: float) -> Array:
        return array(ClassBalancedLoss(counts, beta).weight_K)

    np.testing.assert_allclose(weights(0.0), 1.0)
    inverse = 1 / np.array(counts)
    np.testing.assert_allclose(weights(1 - 1e-9), inverse / inverse.mean(), rtol=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_supervised_contrastive_equals_the_oracle(seed: int) -> None:
    p = problem(seed, batch=2 + seed, classes=2 + seed % 3)
    loss = SupervisedContrastiveLoss(FEATURES, 5, temperature=0.3, contrastive_weight=0.6).double()
    randomize(loss, seed)
    terms = loss(p.logits, p.features, p.labels, HEAD)
    first, second = linears(loss.projection)
    hidden_BC = np.maximum(losses.project(array(p.features), FEATURES, array(first.weight), array(first.bias)), 0)
    keys_BD = losses.project(hidden_BC, FEATURES, array(second.weight), array(second.bias))
    similarity_BB = losses.similarity(keys_BD, keys_BD, 0.3)
    expected = losses.contrastive_one_scale(similarity_BB, p.label_list, np.ones(len(p.labels)), "log")
    assert float(terms["contrastive"].detach()) == pytest.approx(expected, rel=1e-10)
    smooth = losses.cross_entropy(array(p.logits), p.label_list, 0.1)
    assert float(terms["total"].detach()) == pytest.approx(smooth + 0.6 * expected, rel=1e-10)


def test_supervised_contrastive_gradients_reach_features_logits_and_projection() -> None:
    p = problem(3)
    loss = SupervisedContrastiveLoss(FEATURES, 4).double()
    randomize(loss, 1)
    inputs = (p.logits.clone().requires_grad_(), p.features.clone().requires_grad_())
    assert torch.autograd.gradcheck(lambda x, f: total(loss, p, x, f), inputs)
    total(loss, p, *inputs).backward()
    for tensor in (*inputs, *loss.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.any()


def every_loss(p: Problem) -> list[nn.Module]:
    return [*(build(p) for build, _ in OF_LOGITS.values()), SupervisedContrastiveLoss(FEATURES, 4)]


def test_a_batch_of_one_class_or_of_one_clip_is_finite() -> None:
    for labels in ([2] * 6, [1]):
        p = problem(0, labels=labels)
        for loss in every_loss(p):
            logits_BK = p.logits.float().requires_grad_()
            value = total(loss, p, logits_BK, p.features.float())
            value.backward()
            assert value.isfinite()
            assert logits_BK.grad is not None
            assert logits_BK.grad.isfinite().all()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_huge_logits_are_finite(gamma: float) -> None:
    logits_BK = torch.tensor([[1e4, -1e4], [1e4, -1e4], [80.0, -80.0]])
    p = Problem(torch.ones(3, FEATURES), logits_BK, torch.tensor([0, 1, 0]), [9, 2])
    for loss in (FocalLoss(gamma), *every_loss(p)[1:]):
        x_BK = logits_BK.clone().requires_grad_()
        total(loss, p, x_BK).backward()
        assert x_BK.grad is not None
        assert x_BK.grad.isfinite().all()


def test_autocast_changes_nothing() -> None:
    p = problem(4)
    q = Problem(p.features.float(), p.logits.float(), p.labels, p.counts)
    for loss in every_loss(q):
        expected = total(loss, q)
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(total(loss, q), expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: FocalLoss(-1), "gamma must be 0 or more, got -1"),
        (lambda: FocalLoss(float("nan")), "gamma must be"),
        (lambda: ClassBalancedLoss([3, 1], 1.0), "beta must be 0 or more and below 1"),
        (lambda: ClassBalancedLoss([3, 0]), "every class needs at least one training clip"),
        (lambda: LogitAdjustedLoss([3, 0]), "every class needs at least one training clip"),
        (lambda: LogitAdjustedLoss([3, 1], -0.1), "tau must be 0 or more"),
        (lambda: SupervisedContrastiveLoss(temperature=0), "temperature must be positive"),
    ],
)
def test_arguments_out_of_range(build: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


LABELS = torch.tensor([0, 0, 1, 3, 0, 2, 2, 1])


def contrast_of_a_rank(rank: int | None) -> dict[str, Any]:
    """The supervised contrastive loss and the gradient of its projection, on half of the batch or on all of it."""
    p = problem(8, labels=LABELS.tolist())
    mine = slice(None) if rank is None else slice(4 * rank, 4 * rank + 4)
    loss = SupervisedContrastiveLoss(FEATURES, 4).double()
    randomize(loss, 2)
    value = loss(p.logits[mine], p.features[mine], p.labels[mine], HEAD)["total"]
    value.backward()
    return {"total": value.detach(), "gradients": [parameter.grad for parameter in loss.parameters()]}


def test_two_processes_give_the_loss_and_gradients_of_one(tmp_path: Any) -> None:
    one, ranks = contrast_of_a_rank(None), run_processes(contrast_of_a_rank, tmp_path, 2)
    assert ranks[0]["total"] != ranks[1]["total"]
    torch.testing.assert_close((ranks[0]["total"] + ranks[1]["total"]) / 2, one["total"])
    for first, second, expected in zip(ranks[0]["gradients"], ranks[1]["gradients"], one["gradients"], strict=True):
        torch.testing.assert_close((first + second) / 2, expected, rtol=1e-9, atol=1e-11)


def test_mccl_without_weights_and_scales_is_supervised_contrastive() -> None:
    """Two implementations that share only the contrast itself agree where the methods do."""
    p = problem(6, batch=9, labels=[0, 1, 2, 0, 1, 2, 0, 1, 2])
    mccl = MultiScaleContrastiveLoss([5, 5, 5, 5], FEATURES, (FEATURES,), 4, base_temperature=0.05).double()
    supervised = SupervisedContrastiveLoss(FEATURES, 4, temperature=0.1).double()
    randomize(mccl, 0)
    first, second = linears(supervised.projection)
    (projection,) = linears(mccl.projections)
    with torch.no_grad():
        first.weight.copy_(torch.eye(FEATURES))
        first.bias.fill_(100.0)  # far from the ReLU's kink
        second.weight.copy_(projection.weight)
        second.bias.copy_(projection.bias - 100.0 * projection.weight.sum(1))
    # A classifier that knows nothing at all gives every clip the weight 1 - 1/K.
    uniform_BK = torch.zeros(9, 4, dtype=torch.float64)
    expected = 0.75 * supervised(uniform_BK, p.features, p.labels, HEAD)["contrastive"]
    torch.testing.assert_close(mccl(p.features, uniform_BK, p.labels)[0], expected)
