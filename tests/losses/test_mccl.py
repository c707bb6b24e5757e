"""Equation (13): the terms of MCCL, their sum, and what each may touch."""

import numpy as np
import pytest
import torch
from tests.oracles import differences, losses
from tests.oracles.problems import Problem, array, linears, problem, randomize
from torch import Tensor, nn

from micacl.losses import CrossEntropyLoss, MCCLLoss

SCALES = (12, 5)
TERMS = {"cross_entropy", "intensity_aware", "feature_augmentation", "contrastive"}


class Recording(nn.Module):
    """A linear classifier that keeps what it was asked."""

    def __init__(self, features: int = 12, classes: int = 4) -> None:
        super().__init__()
        self.linear = nn.Linear(features, classes, dtype=torch.float64)
        self.asked: list[Tensor] = []

    def forward(self, features_BC: Tensor) -> Tensor:
        self.asked.append(features_BC)
        out: Tensor = self.linear(features_BC)
        return out


def build(p: Problem, **options: object) -> MCCLLoss:
    """A small loss with random projections, in float64."""
    settings: dict[str, object] = {
        "feature_dim": 12,
        "scales": SCALES,
        "projection_dim": 5,
        "base_temperature": 0.2,
        **options,
    }
    loss = MCCLLoss(p.counts, **settings).double()  # type: ignore[arg-type]
    randomize(loss, 1)
    return loss


@pytest.mark.parametrize("form", ["log", "printed"])
@pytest.mark.parametrize("weighting", ["balanced", "printed"])
@pytest.mark.parametrize("seed", range(4))
def test_terms_and_total_equal_the_oracles(seed: int, form: str, weighting: str) -> None:
    p = problem(seed, 3 + seed, 12, 4)
    torch.manual_seed(seed)
    classifier = Recording()
    loss = build(
        p,
        form=form,
        weighting=weighting,
        label_smoothing=0.2,
        intensity_weight=0.3,
        augmentation_weight=0.7,
        noise_scale=0.4,
        contrastive_weight=1.9,
    )
    terms = loss(p.logits, p.features, p.labels, classifier)
    assert terms.keys() == TERMS | {"total", "contrastive_scale_12", "contrastive_scale_5"}
    assert all(term.ndim == 0 for term in terms.values())

    x_BC, logits_BK = array(p.features), array(p.logits)
    weights_B = losses.category_weights(logits_BK, p.label_list, p.counts, weighting)
    projections = [
        (size, array(layer.weight), array(layer.bias))
        for size, layer in zip(SCALES, linears(loss.contrastive.projections), strict=True)
    ]
    scales_S = losses.contrastive(x_BC, p.label_list, weights_B, p.counts, projections, 0.2, form)
    (perturbed_BC,) = classifier.asked
    noise_BC = (array(perturbed_BC) - x_BC) / (0.4 * losses.batch_deviation(x_BC))
    weight, bias = array(classifier.linear.weight), array(classifier.linear.bias)
    expected = {
        "contrastive_scale_12": float(scales_S[0]),
        "contrastive_scale_5": float(scales_S[1]),
        "contrastive": losses.multiscale(scales_S),
        "cross_entropy": losses.cross_entropy(logits_BK, p.label_list, 0.2),
        "intensity_aware": losses.intensity_aware(logits_BK, p.label_list),
        "feature_augmentation": losses.feature_augmentation(
            x_BC, logits_BK, lambda x_C: weight @ x_C + bias, noise_BC, 0.4
        ),
    }
    expected["total"] = (
        1.9 * expected["contrastive"]
        + expected["cross_entropy"]
        + 0.3 * expected["intensity_aware"]
        + 0.7 * expected["feature_augmentation"]
    )
    for name, value in expected.items():
        assert float(terms[name].detach()) == pytest.approx(value, rel=1e-9, abs=1e-13), name


def test_weights_unless_told() -> None:
    p = problem(9)
    classifier = Recording()
    loss = MCCLLoss(p.counts, feature_dim=12, scales=SCALES).double()
    terms = {name: float(term.detach()) for name, term in loss(p.logits, p.features, p.labels, classifier).items()}
    assert terms["cross_entropy"] == pytest.approx(losses.cross_entropy(array(p.logits), p.label_list, 0.1))
    assert terms["total"] == pytest.approx(
        0.1 * terms["contrastive"]
        + terms["cross_entropy"]
        + 0.1 * terms["intensity_aware"]
        + 0.1 * terms["feature_augmentation"]
    )
    assert loss.noise_scale == 0.5


def test_gradient_reaches_the_logits_through_cross_entropy_and_intensity_only() -> None:
    p = problem(10, 5, 12, 4)
    logits_BK = p.logits.clone().requires_grad_()
    loss = build(p, contrastive_weight=5.0, augmentation_weight=5.0)
    loss(logits_BK, p.features, p.labels, Recording())["total"].backward()

    def oracle(x_BK: losses.Array) -> float:
        return losses.cross_entropy(x_BK, p.label_list, 0.1) + 0.1 * losses.intensity_aware(x_BK, p.label_list)

    assert logits_BK.grad is not None
    np.testing.assert_allclose(array(logits_BK.grad), differences.gradient(oracle, array(p.logits)), atol=1e-8)


def test_gradcheck_of_the_total() -> None:
    p = problem(11, 3, 12, 3, labels=[0, 1, 0])
    classifier = Recording(12, 3)
    loss = build(p, form="printed", noise_scale=0.3)

    def of_weight(weight: Tensor) -> Tensor:
        torch.manual_seed(0)
        total: Tensor = loss(p.logits, p.features, p.labels, lambda x_BC: nn.functional.linear(x_BC, weight))["total"]
        return total

    assert torch.autograd.gradcheck(of_weight, (classifier.linear.weight.detach().clone().requires_grad_(),))
    # finite differences would move the batch's deviation, which the loss detaches: no noise
    still = build(p, noise_scale=0.0)
    assert torch.autograd.gradcheck(
        lambda x: still(p.logits, x, p.labels, classifier)["total"], (p.features.clone().requires_grad_(),)
    )


def test_every_projection_learns_through_the_total() -> None:
    p = problem(12, labels=[0, 0, 1, 1, 2])
    loss = build(p)
    loss(p.logits, p.features, p.labels, Recording())["total"].backward()
    assert len(list(loss.parameters())) == 4
    # the offset of a projection moves the cosines, too
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in loss.parameters())


@pytest.mark.parametrize("labels", [[1], [0, 1, 2, 3], [2, 2, 2]])
@pytest.mark.parametrize("size", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("form", ["log", "printed"])
def test_edges_are_finite(labels: list[int], size: float, form: str) -> None:
    p = problem(13, labels=labels)
    loss = build(p, form=form, base_temperature=0.07).float()
    classifier = nn.Linear(12, 4)
    features_BC = (size * p.features).float().requires_grad_()
    logits_BK = (size * p.logits).float().requires_grad_()
    terms = loss(logits_BK, features_BC, p.labels, classifier)
    assert all(term.isfinite() for term in terms.values())
    terms["total"].backward()
    for tensor in (features_BC, logits_BK, *classifier.parameters(), *loss.parameters()):
        assert tensor.grad is None or tensor.grad.isfinite().all()
    if len(labels) == 1:
        assert float(terms["contrastive"].detach()) == 0


@pytest.mark.parametrize("form", ["log", "printed"])
def test_order_of_the_batch_does_not_matter(form: str) -> None:
    p = problem(14, 8)
    loss = build(p, form=form, noise_scale=0.0)
    classifier = Recording()
    order = torch.randperm(8)
    terms = loss(p.logits, p.features, p.labels, classifier)
    shuffled = loss(p.logits[order], p.features[order], p.labels[order], classifier)
    for name, term in terms.items():
        torch.testing.assert_close(shuffled[name], term)


def test_autocast_changes_nothing_and_terms_are_float32() -> None:
    p = problem(15, 8)
    classifier = nn.Linear(12, 4)
    for loss in (build(p, base_temperature=0.07).float(), CrossEntropyLoss()):
        inputs = (p.logits.float(), p.features.float(), p.labels, classifier)
        torch.manual_seed(0)
        expected = loss(*inputs)
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16):
            terms = loss(*inputs)
        assert terms.keys() == expected.keys()
        for name, term in terms.items():
            assert term.dtype == torch.float32
            torch.testing.assert_close(term, expected[name])


def test_the_state_holds_projections_only() -> None:
    # counts belong to the fold: a checkpoint must not bring another fold's along
    assert all("projections" in name for name in build(problem(16)).state_dict())
