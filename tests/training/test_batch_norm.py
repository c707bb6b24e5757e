"""Two ranks with half a batch each, against PyTorch's own batch normalisation of the whole batch."""

from pathlib import Path
from typing import Any

import torch
from tests.processes import run_processes
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from micacl.training.batch_norm import GlobalBatchNorm3d, normalize_over_ranks

SHAPE = (6, 5, 2, 3, 3)


def network() -> nn.Sequential:
    torch.manual_seed(1)
    layers = nn.Sequential(nn.BatchNorm3d(5), nn.ReLU(), nn.BatchNorm3d(5, momentum=0.3))
    for parameter in layers.parameters():
        nn.init.normal_(parameter)
    return layers


def clips() -> tuple[Tensor, Tensor]:
    """What goes in, with another mean on the second half, and what the output is multiplied with."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(SHAPE, generator=generator) + torch.arange(6.0)[:, None, None, None, None]
    return x, torch.randn(SHAPE, generator=generator)


def train(layers: nn.Module, x: Tensor, factor: Tensor) -> dict[str, Any]:
    x = x.clone().requires_grad_()
    y = layers(x)
    (y * factor).mean().backward()
    assert x.grad is not None
    gradients = [parameter.grad for parameter in layers.parameters()]
    return {"y": y.detach(), "x": x.grad, "gradients": gradients, "state": dict(layers.state_dict())}


def half(rank: int) -> dict[str, Any]:
    layers = network()
    normalize_over_ranks(layers)
    x, factor = clips()
    mine = slice(3 * rank, 3 * rank + 3)
    found = train(DistributedDataParallel(layers), x[mine], factor[mine])
    layers.eval()
    return found | {"evaluated": layers(x).detach()}


def assert_close(actual: Any, expected: Any) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


def test_two_ranks_normalize_as_one(tmp_path: Path) -> None:
    ranks = run_processes(half, tmp_path)
    layers = network()
    whole = train(layers, *clips())
    assert_close(torch.cat([rank["y"] for rank in ranks]), whole["y"])
    assert_close(torch.cat([rank["x"] for rank in ranks]) / 2, whole["x"])
    layers.eval()
    for rank in ranks:
        assert_close(rank["gradients"], whole["gradients"])
        for name, value in whole["state"].items():
            assert_close(rank["state"][f"module.{name}"], value)
        assert_close(rank["evaluated"], layers(clips()[0]))


def test_one_process_normalises_as_ever() -> None:
    layers = network()
    normalize_over_ranks(layers)
    assert isinstance(layers[0], GlobalBatchNorm3d)
    torch.testing.assert_close(train(layers, *clips()), train(network(), *clips()))
