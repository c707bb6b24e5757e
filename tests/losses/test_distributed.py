"""Two gloo processes against one: the same loss, the same gradients after DDP's averaging."""

import itertools
from typing import Any

import pytest
import torch
from tests.oracles.problems import randomize
from tests.processes import run_processes
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from micacl.losses import MCCLLoss, MultiScaleContrastiveLoss, feature_augmentation_loss

WORLD = 2
COUNTS = [60, 25, 9, 4]
# rank 0 has classes 0, 1, 3, rank 1 has 0, 2: uneven, with a class that only one sample of the whole batch has (3) and
# one whose only positive is on the other rank (the 0 of rank 1)
LABELS = torch.tensor([0, 0, 1, 1, 3, 0, 2, 2, 2, 2])
CASES = list(itertools.product(["contrastive", "mccl"], ["log", "printed"], ["balanced", "printed"]))


class Network(nn.Module):
    """A small network and its loss in one module, as the training module holds them; returns the loss's terms."""

    def __init__(self, kind: str, form: Any, weighting: Any) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 12))
        self.head = nn.Linear(12, 4)
        options: dict[str, Any] = {"feature_dim": 12, "scales": (12, 5), "projection_dim": 4, "base_temperature": 0.2}
        self.loss: nn.Module = (
            MultiScaleContrastiveLoss(COUNTS, form=form, weighting=weighting, **options)
            if kind == "contrastive"
            else MCCLLoss(COUNTS, form=form, weighting=weighting, noise_scale=0.0, **options)
        )
        self.double()
        randomize(self, 3)

    def forward(self, x_BI: Tensor, labels_B: Tensor) -> Tensor:
        features_BC = self.body(x_BI)
        logits_BK = self.head(features_BC)
        if isinstance(self.loss, MCCLLoss):
            terms = self.loss(logits_BK, features_BC, labels_B, self.head)
            return torch.stack([terms[name] for name in sorted(terms)])
        scales_S: Tensor = self.loss(features_BC, logits_BK, labels_B)
        return scales_S


def inputs() -> Tensor:
    return torch.randn(len(LABELS), 6, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


def objective(terms: Tensor) -> Tensor:
    """Unequal weights, so that no term can hide behind another."""
    return (terms * torch.arange(1, len(terms) + 1, dtype=torch.float64)).sum()


def run(network: nn.Module, x_BI: Tensor, labels_B: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Terms and the gradients of every parameter that has one."""
    terms = network(x_BI, labels_B)
    objective(terms).backward()
    gradients = {
        name.removeprefix("module."): parameter.grad.clone()
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }
    return terms.detach(), gradients


def run_cases(rank: int) -> dict[str, Any]:
    """All cases on one of two ranks."""
    mine = slice(rank * len(LABELS) // WORLD, (rank + 1) * len(LABELS) // WORLD)
    results: dict[str, Any] = {}
    for case in CASES:
        # the head gets no gradient from the contrastive loss alone: W_c is detached
        network = DistributedDataParallel(Network(*case), find_unused_parameters=case[0] == "contrastive")
        results[str(case)] = run(network, inputs()[mine], LABELS[mine])
        with torch.no_grad():
            results[f"no_grad {case}"] = network(inputs()[mine], LABELS[mine])

    # constant on each rank, and different: only a deviation over the global batch moves these features
    features_BC = torch.full((4, 2000), float(rank), dtype=torch.float64)
    asked: list[Tensor] = []

    def classifier(x_BC: Tensor) -> Tensor:
        asked.append(x_BC)
        return x_BC[:, :3]

    feature_augmentation_loss(features_BC, features_BC[:, :3], classifier, 0.3)
    results["perturbation"] = asked[0] - features_BC
    return results


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each rank found."""
    return run_processes(run_cases, tmp_path_factory.mktemp("ranks"), WORLD)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_mean_over_ranks_equals_one_process(ranks: list[dict[str, Any]], case: tuple[str, str, str]) -> None:
    terms, gradients = run(Network(*case), inputs(), LABELS)
    mean = torch.stack([results[str(case)][0] for results in ranks]).mean(dim=0)
    torch.testing.assert_close(mean, terms, rtol=1e-9, atol=1e-12)
    mean = torch.stack([results[f"no_grad {case}"] for results in ranks]).mean(dim=0)
    torch.testing.assert_close(mean, terms, rtol=1e-9, atol=1e-12)
    # DDP leaves the same, averaged gradients on every rank
    assert any("projections" in name for name in gradients)
    for results in ranks:
        averaged = results[str(case)][1]
        for name, gradient in gradients.items():
            torch.testing.assert_close(averaged[name], gradient, rtol=1e-9, atol=1e-11, msg=f"{case}: {name}")


def test_ranks_differ_so_that_their_mean_says_something(ranks: list[dict[str, Any]]) -> None:
    for case in CASES:
        assert not torch.allclose(ranks[0][str(case)][0], ranks[1][str(case)][0])


def test_noise_scales_with_the_deviation_over_the_global_batch(ranks: list[dict[str, Any]]) -> None:
    for results in ranks:  # the global deviation is 1/2; the standard error of 8000 draws is 0.8 %
        assert float(results["perturbation"].std()) == pytest.approx(0.3 * 0.5, rel=0.04)
