"""What a network costs, against plain formulas over its layers."""

import itertools
import math

import pytest
import torch
import torchvision
from torch import nn

from micacl.models import MICACL
from micacl.models.costs import latency, multiply_adds, num_parameters

C = 512  # features
K = 7
STAGES = (64, 128, 256, 512)


def halved(size: int) -> int:
    return math.ceil(size / 2)


def convolution(depth: int, out_depth: int, stride: int, per_frame_tap: int, padding: bool) -> int:
    """Multiply-adds of a convolution three taps deep, whose one tap costs `per_frame_tap` for each frame it makes.

    Without padding one or two frames meet only the pairs of an input and an output frame that are there.
    """
    if padding or depth > 2:
        return 3 * out_depth * per_frame_tap
    return sum(abs(stride * t - d) <= 1 for t in range(out_depth) for d in range(depth)) * per_frame_tap


def backbone(length: int, size: int, padding: bool) -> int:
    """R3D-18 on one instance: a stem, and four stages of two blocks of two convolutions."""
    side = halved(size)
    total = convolution(length, length, 1, side**2 * 64 * 3 * 7 * 7, padding)
    width, depth = 64, length
    for stage, channels in enumerate(STAGES):
        stride = 1 if stage == 0 else 2
        out_depth, side = (depth, side) if stride == 1 else (halved(depth), halved(side))
        tap = side**2 * channels * 9
        total += convolution(depth, out_depth, stride, tap * width, padding)
        total += 3 * convolution(out_depth, out_depth, 1, tap * channels, padding)
        if stride == 2:
            total += out_depth * side**2 * channels * width  # the shortcut
        width, depth = channels, out_depth
    return total


def after_the_backbone(instances: int, embedding_dim: int, kernels: tuple[int, ...], geiim: bool, wian: bool) -> int:
    t = instances
    total = 0
    if geiim:
        total += t * t * embedding_dim + t * t * C + sum(kernels) * t * C
    if wian:
        total += 2 * t * C * 5 * C
    total += t * C * 3 * C + 2 * t * t * C + t * C * C  # attention: projections, products, output
    return total + 3 * t * C + C * K  # Conv1d and head


@pytest.mark.parametrize(
    ("num_frames", "instance_length", "size", "geiim", "wian"),
    [(16, 4, 112, True, True), (8, 2, 32, True, True), (3, 1, 24, True, False), (8, 8, 40, False, False),
     (6, 3, 17, False, True)],
)  # fmt: skip
@pytest.mark.parametrize("padding", [False, True])
def test_multiply_adds_by_a_plain_formula(
    num_frames: int, instance_length: int, size: int, geiim: bool, wian: bool, padding: bool
) -> None:
    network = MICACL(K, num_frames, instance_length, geiim, wian, embedding_dim=6, kernels=(1, 3)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    instances = num_frames // instance_length
    expected = instances * backbone(instance_length, size, padding)
    expected += after_the_backbone(instances, 6, (1, 3), geiim, wian)
    assert multiply_adds(network, (3, num_frames, size, size), padding) == expected
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_figures_that_the_notes_name() -> None:
    """The published figures are held against these."""
    r3d = torchvision.models.video.r3d_18(weights=None)
    assert multiply_adds(r3d, (3, 16, 112, 112)) / 1e9 == pytest.approx(40.70, abs=0.005)
    assert multiply_adds(r3d.stem, (3, 16, 112, 112)) / 1e9 == pytest.approx(1.42, abs=0.005)
    r3d.fc = nn.Identity()
    assert 4 * multiply_adds(r3d, (3, 4, 112, 112)) / 1e9 == pytest.approx(43.14, abs=0.005)
    assert num_parameters(r3d) / 1e6 == pytest.approx(33.17, abs=0.005)
    resnet = torchvision.models.resnet18(weights=None)
    assert 16 * multiply_adds(resnet, (3, 112, 112)) / 1e9 == pytest.approx(7.77, abs=0.005)


@pytest.mark.parametrize(("geiim", "wian"), [(False, False), (True, False), (False, True), (True, True)])
def test_parameters_by_hand(geiim: bool, wian: bool) -> None:
    network = MICACL(K, num_frames=12, instance_length=4, geiim=geiim, wian=wian, embedding_dim=10, kernels=(1, 3, 5))
    expected = 3 * 64 * 3 * 7 * 7 + 2 * 64  # the stem and its normalisation
    width = 64
    for channels in STAGES:
        expected += 27 * channels * width + 3 * 27 * channels**2 + 4 * 2 * channels
        if channels != width:
            expected += channels * width + 2 * channels
        width = channels
    expected += 2 * C + 3 * C * C + 3 * C + C * C + C  # norm, projections, output
    expected += 3 * 3 + 1 + C * K + K
    expected += (2 * 3 * 10 + 1 + (1 + 3 + 5) * C + 3 * C) if geiim else 0
    expected += (2 * C * 5 * C + 5 * C) if wian else 0
    assert num_parameters(network) == expected


class Counted(nn.Module):
    """Remembers how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[torch.Size, bool, bool]] = []

    def forward(self, clip_BCFHW: torch.Tensor) -> torch.Tensor:
        self.calls.append((clip_BCFHW.shape, self.training, torch.is_autocast_enabled("cpu")))
        return clip_BCFHW


@pytest.mark.parametrize("bfloat16", [False, True])
def test_latency_is_of_one_clip_after_a_warm_up(bfloat16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Counted()
    # Each pass takes a second more than the one before it: 0, 1, ..., so that the median tells which ones counted.
    clock = itertools.chain.from_iterable((0.0, float(n)) for n in itertools.count())
    monkeypatch.setattr("micacl.models.costs.time.perf_counter", lambda: next(clock))
    assert latency(network, (3, 4, 8, 8), torch.device("cpu"), bfloat16, repeats=3) == 6  # of 5, 6 and 7
    assert network.calls == [((1, 3, 4, 8, 8), False, bfloat16)] * 8
