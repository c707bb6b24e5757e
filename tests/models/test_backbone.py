"""The backbone against plain torchvision: same weights, same features, same gradients, same running statistics."""

import copy
from collections.abc import Callable

import pytest
import torch
import torchvision
from tests.oracles.problems import randomize
from torch import Tensor, nn

from micacl.models import R3DBackbone
from micacl.models.backbone import DepthAwareConv3d, ShallowConv3d

block: Callable[..., nn.Conv3d] = DepthAwareConv3d  # torchvision, whose arguments it takes, has no types


@pytest.fixture(scope="module")
def pair() -> tuple[R3DBackbone, nn.Module]:
    """The package's backbone and torchvision's without its classifier, in float64 with the same random weights."""
    torch.manual_seed(0)
    ours = R3DBackbone().double()
    theirs = torchvision.models.video.r3d_18(weights=None).double()
    theirs.fc = nn.Identity()
    generator = torch.Generator().manual_seed(1)
    for name, buffer in theirs.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(0.1 * torch.randn(buffer.shape, generator=generator, dtype=buffer.dtype))
        if name.endswith("running_var"):
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator, dtype=buffer.dtype))
    for layer in theirs.modules():
        if isinstance(layer, nn.BatchNorm3d):
            randomize(layer, 2)
            layer.weight.data += 1
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def features_and_gradients(module: nn.Module, clips: Tensor) -> dict[str, Tensor]:
    """Features, the gradients of the input and of every parameter, and every buffer after the step."""
    kept = {name: buffer.clone() for name, buffer in module.named_buffers()}
    clips = clips.clone().requires_grad_()
    features_NC = module(clips)
    mix_NC = torch.randn(features_NC.shape, generator=torch.Generator().manual_seed(5), dtype=features_NC.dtype)
    names, parameters = zip(*module.named_parameters(), strict=True)
    gradients = torch.autograd.grad((mix_NC * features_NC).sum(), [clips, *parameters])
    moved = {f"buffer {name}": buffer.clone() for name, buffer in module.named_buffers()}
    for name, buffer in module.named_buffers():
        buffer.copy_(kept[name])  # the modules are shared by all tests
    return {
        "features": features_NC.detach(),
        "clips": gradients[0],
        **dict(zip(names, gradients[1:], strict=True)),
        **moved,
    }


@pytest.mark.parametrize(
    ("training", "size"),
    [(True, (1, 16, 16)), (True, (2, 17, 19)), (True, (4, 24, 17)), (False, (8, 16, 16))],
)
def test_features_gradients_and_statistics_equal_torchvision(
    pair: tuple[R3DBackbone, nn.Module], size: tuple[int, int, int], training: bool
) -> None:
    clips = torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(size)))
    ours, theirs = (features_and_gradients(module.train(training), clips) for module in pair)
    assert ours["features"].shape == (2, 512)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        largest = float(value.abs().max())
        assert float((ours[name] - value).abs().max()) <= 1e-9 * largest, name


@pytest.mark.parametrize("size", [(1, 16, 16), (2, 17, 23), (3, 16, 19), (5, 24, 16), (16, 16, 16)])
def test_features_equal_torchvision(pair: tuple[R3DBackbone, nn.Module], size: tuple[int, int, int]) -> None:
    clips = torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(size)))
    with torch.no_grad():
        ours, theirs = (module.eval()(clips) for module in pair)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10 * float(theirs.abs().max()))


def test_float32_stays_within_float_tolerance(pair: tuple[R3DBackbone, nn.Module]) -> None:
    clips = torch.randn(2, 3, 4, 32, 32, generator=torch.Generator().manual_seed(3))
    ours, theirs = (copy.deepcopy(module).float().eval() for module in pair)
    with torch.no_grad():
        expected = theirs(clips)
        torch.testing.assert_close(ours(clips), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_state_dict_names_are_torchvisions_without_the_classifier() -> None:
    theirs = torchvision.models.video.r3d_18(weights=None).state_dict()
    expected = {name: value.shape for name, value in theirs.items() if not name.startswith("fc.")}
    assert {name: value.shape for name, value in R3DBackbone().state_dict().items()} == expected


def test_channels_last_clips_give_the_same_features(pair: tuple[R3DBackbone, nn.Module]) -> None:
    clips = torch.randn(2, 3, 4, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    ours = pair[0].eval()
    with torch.no_grad():
        torch.testing.assert_close(ours(clips.to(memory_format=torch.channels_last_3d)), ours(clips))


def test_fresh_weights_follow_the_seed_and_torchvisions_start() -> None:
    torch.manual_seed(7)
    first = R3DBackbone().state_dict()
    torch.manual_seed(7)
    again = R3DBackbone().state_dict()
    for name, value in first.items():
        assert torch.equal(value, again[name]), name
    # kaiming, fan out, relu: standard deviation sqrt(2 / (64 * 27))
    stem = first["layer1.0.conv1.0.weight"]
    assert float(stem.std()) == pytest.approx((2 / (64 * 27)) ** 0.5, rel=0.02)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_one_layer_equals_a_plain_convolution(depth: int, stride: int) -> None:
    torch.manual_seed(depth)
    layer = block(5, 7, stride=stride).double()
    x = torch.randn(3, 5, depth, 9, 8, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    expected = nn.functional.conv3d(x, layer.weight, stride=stride, padding=1)
    torch.testing.assert_close(y, expected, rtol=1e-11, atol=1e-12)
    mix = torch.randn_like(y)
    gradients, plain = (torch.autograd.grad((mix * out).sum(), [x, layer.weight]) for out in (y, expected))
    torch.testing.assert_close(gradients, plain, rtol=1e-10, atol=1e-11)


LAYERS = {
    "block": lambda: block(64, 64),
    "strided block": lambda: block(64, 64, stride=2),
    "stem": lambda: ShallowConv3d(3, 64, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False),
}


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("kind", LAYERS)
def test_one_layer_under_autocast_has_repeatable_gradients_near_those_of_float32(kind: str, depth: int) -> None:
    # oneDNN's bfloat16 weight gradient of a 3-D convolution of two frames reads memory that it never wrote
    torch.manual_seed(depth)
    layer = LAYERS[kind]()
    x = torch.randn(4, layer.in_channels, depth, 14, 14).contiguous(memory_format=torch.channels_last_3d)

    def gradient(autocast: bool) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            y = layer(x)
        mix = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
        (out,) = torch.autograd.grad((mix * y.float()).sum(), [layer.weight])
        assert isinstance(out, Tensor)
        return out

    exact = gradient(False)
    for _ in range(6):
        garbage = torch.full((2 * exact.numel(),), float("nan"))  # what a fresh allocation may find in memory
        del garbage
        assert float((gradient(True) - exact).abs().max()) < 0.02 * float(exact.abs().max())


def test_the_network_is_built_of_these_layers() -> None:
    convolutions = [layer for layer in R3DBackbone().modules() if isinstance(layer, nn.Conv3d)]
    deep = [layer for layer in convolutions if layer.kernel_size[0] > 1]
    assert len(deep) == 17
    assert all(isinstance(layer, ShallowConv3d) for layer in deep)
