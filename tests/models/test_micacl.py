"""The whole network: its parts in order, in all four combinations."""

import pytest
import torch
from torch import Tensor

from micacl.models import GEIIM, MICACL, WIAN, InstanceAggregation, InstanceAttention, R3DBackbone

COMBINATIONS = [(False, False), (True, False), (False, True), (True, True)]


def clips(batch: int = 2, frames: int = 4, size: int = 16, seed: int = 0) -> Tensor:
    return torch.randn(batch, 3, frames, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=COMBINATIONS, ids=lambda on: f"geiim={on[0]},wian={on[1]}")
def model(request: pytest.FixtureRequest) -> MICACL:
    """Two instances of two frames; convolutions of GEIIM away from zero so that they count."""
    geiim, wian = request.param
    torch.manual_seed(0)
    module = MICACL(7, num_frames=4, instance_length=2, geiim=geiim, wian=wian).eval()
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, GEIIM):
                part.node_embedding_1.abs_()  # of four scores all may be negative: no gradient through the relu
                part.node_embedding_2.abs_()
                for parameter in part.convolutions.parameters():
                    parameter.normal_(std=0.3)
    return module


def parts(model: MICACL, kind: type) -> list[torch.nn.Module]:
    return [part for part in model.modules() if isinstance(part, kind)]


def test_parts_are_present_when_asked_for(model: MICACL, request: pytest.FixtureRequest) -> None:
    geiim, wian = request.node.callspec.params["model"]
    assert len(parts(model, GEIIM)) == int(geiim)
    assert len(parts(model, WIAN)) == int(wian)
    for kind in (R3DBackbone, InstanceAttention, InstanceAggregation):
        assert len(parts(model, kind)) == 1
    (attention,) = parts(model, InstanceAttention)
    assert isinstance(attention, InstanceAttention)
    assert attention.attention.num_heads == 8


def test_all_settings_start_from_the_same_weights_in_what_they_share() -> None:
    """Else a difference between two settings of Table III is, in a short training, one between two draws."""
    networks = []
    for geiim, wian in COMBINATIONS:
        torch.manual_seed(3)
        networks.append(MICACL(7, num_frames=4, instance_length=2, geiim=geiim, wian=wian).state_dict())
    shared = set.intersection(*(set(network) for network in networks))
    assert {name.partition(".")[0] for name in shared} == {"backbone", "attention", "aggregation", "head"}
    for name in shared:
        for other in networks[1:]:
            assert torch.equal(networks[0][name], other[name]), name


def test_shapes(model: MICACL) -> None:
    out = model(clips(3))
    assert out.logits_BK.shape == (3, 7)
    assert out.features_BC.shape == (3, 512)


def test_equals_the_composition_of_its_parts(model: MICACL) -> None:
    clip_BCFHW = clips(2)
    with torch.no_grad():
        out = model(clip_BCFHW)
        (backbone,) = parts(model, R3DBackbone)
        # instance t of a clip is its frames t L to t L + L - 1
        x_BTC = torch.stack(
            [
                torch.stack([backbone(clip_BCFHW[b : b + 1, :, t * 2 : t * 2 + 2])[0] for t in range(2)])
                for b in range(2)
            ]
        )
        for kind in (GEIIM, WIAN, InstanceAttention, InstanceAggregation):
            for part in parts(model, kind):
                x_BTC = part(x_BTC)
        torch.testing.assert_close(out.features_BC, x_BTC, rtol=1e-3, atol=1e-5)
        (head,) = [part for part in model.modules() if isinstance(part, torch.nn.Linear) and part.out_features == 7]
        torch.testing.assert_close(out.logits_BK, head(out.features_BC))
        torch.testing.assert_close(out.logits_BK, out.features_BC @ head.weight.T + head.bias, rtol=1e-4, atol=1e-6)


def test_clips_do_not_mix_in_evaluation(model: MICACL) -> None:
    clip_BCFHW = clips(3)
    with torch.no_grad():
        torch.testing.assert_close(
            model(clip_BCFHW[1:2]).logits_BK, model(clip_BCFHW).logits_BK[1:2], rtol=1e-3, atol=1e-5
        )


def test_every_parameter_learns(model: MICACL) -> None:
    model.train()
    try:
        out = model(clips(2))
        body = [(name, parameter) for name, parameter in model.named_parameters() if not name.startswith("head.")]
        names, parameters = zip(*body, strict=True)
        # the contrastive loss sees the features alone: they must lead back to the backbone by themselves
        gradients = torch.autograd.grad(out.features_BC.square().sum(), parameters, retain_graph=True)
        head = torch.autograd.grad(out.logits_BK.square().sum(), [*model.head.parameters(), out.features_BC])
    finally:
        model.eval()
    for name, gradient in zip((*names, "weight", "bias", "features"), (*gradients, *head), strict=True):
        assert gradient.isfinite().all(), name
        assert gradient.abs().sum() > 0, name


def test_autocast_reaches_the_backbone_only(model: MICACL) -> None:
    clip_BCFHW = clips(2)
    with torch.no_grad():
        with torch.autocast("cpu", torch.bfloat16):
            out = model(clip_BCFHW)
            (backbone,) = parts(model, R3DBackbone)
            instances = torch.stack([clip_BCFHW[b, :, t * 2 : t * 2 + 2] for b in range(2) for t in range(2)])
            x_BTC = backbone(instances.contiguous(memory_format=torch.channels_last_3d)).float().view(2, 2, 512)
        for kind in (GEIIM, WIAN, InstanceAttention, InstanceAggregation):
            for part in parts(model, kind):
                x_BTC = part(x_BTC)
    assert out.logits_BK.dtype == out.features_BC.dtype == torch.float32
    torch.testing.assert_close(out.features_BC, x_BTC, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "shape",
    [(2, 3, 4, 16), (2, 1, 4, 16, 16), (2, 3, 6, 16, 16), (2, 3, 3, 16, 16), (2, 4, 3, 16, 16), (3, 4, 16, 16)],
)
def test_wrong_clips_are_refused_in_words(model: MICACL, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        model(torch.zeros(shape))


def test_frames_that_do_not_divide_are_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match=r"16.*3"):
        MICACL(7, num_frames=16, instance_length=3)


def test_defaults_are_four_instances_of_four_frames_with_both_modules() -> None:
    torch.manual_seed(0)
    model = MICACL(7)
    (geiim,) = parts(model, GEIIM)
    assert isinstance(geiim, GEIIM)
    assert tuple(geiim.node_embedding_1.shape) == (4, 10)
    assert [layer.kernel_size for layer in geiim.convolutions] == [(1,), (3,), (5,)]
    assert len(parts(model, WIAN)) == 1
    with torch.no_grad():
        assert model.eval()(clips(1, 16)).logits_BK.shape == (1, 7)


def test_the_seed_decides() -> None:
    outs = []
    for _ in range(2):
        torch.manual_seed(11)
        model = MICACL(3, num_frames=4, instance_length=2)
        outs.append(model(clips(2)).logits_BK.detach())  # in training mode: nothing drops out
    torch.testing.assert_close(outs[0], outs[1], rtol=0, atol=0)
