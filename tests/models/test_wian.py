"""Equations (3)-(6): the LSTM whose candidate is scaled by the dynamic weight gate."""

import math

import numpy as np
import pytest
import torch
from tests.oracles import differences, network
from tests.oracles.gradients import module_gradcheck
from tests.oracles.problems import array, randomize

from micacl.models import WIAN
from micacl.models.wian import WeightScale

both_scales = pytest.mark.parametrize("weight_scale", ["printed", "unit_mean"])


def build(features: int, weight_scale: WeightScale, seed: int) -> WIAN:
    """Equation (6) alone with random parameters, in float64."""
    module = WIAN(features, weight_scale=weight_scale, residual=False).double()
    randomize(module, seed)
    return module


@both_scales
@pytest.mark.parametrize("seed", range(6))
def test_forward_equals_the_oracle(seed: int, weight_scale: WeightScale) -> None:
    rng = np.random.default_rng(seed)
    instances, features = int(rng.integers(1, 6)), int(rng.integers(1, 8))
    module = build(features, weight_scale, seed)
    h_BTC = torch.from_numpy(2 * rng.normal(size=(3, instances, features)))
    expected = network.wian(
        array(h_BTC),
        array(module.input_projection.weight),
        array(module.input_projection.bias),
        array(module.hidden_projection.weight),
        weight_scale,
    )
    np.testing.assert_allclose(array(module(h_BTC)), expected, rtol=1e-10, atol=1e-13)


@both_scales
def test_gradients_equal_finite_differences_of_the_oracle(weight_scale: WeightScale) -> None:
    module = build(3, weight_scale, 9)
    generator = torch.Generator().manual_seed(0)
    h_BTC = torch.randn(2, 4, 3, dtype=torch.float64, generator=generator).requires_grad_()
    mix_BTC = torch.randn(2, 4, 3, dtype=torch.float64, generator=generator)
    (mix_BTC * module(h_BTC)).sum().backward()
    tensors = [h_BTC, module.input_projection.weight, module.input_projection.bias, module.hidden_projection.weight]
    values = [array(tensor) for tensor in tensors]
    mix = array(mix_BTC)

    def value(at: int, x: network.Array) -> float:
        now = [x if index == at else other for index, other in enumerate(values)]
        return float((mix * network.wian(now[0], now[1], now[2], now[3], weight_scale)).sum())

    for at, tensor in enumerate(tensors):
        assert tensor.grad is not None
        expected = differences.gradient(lambda x, at=at: value(at, x), values[at])  # type: ignore[misc]
        np.testing.assert_allclose(array(tensor.grad), expected, rtol=1e-5, atol=1e-9)


@both_scales
def test_gradcheck(weight_scale: WeightScale) -> None:
    h_BTC = torch.randn(2, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert module_gradcheck(build(2, weight_scale, 3), h_BTC)


def first_weights(weight_scale: WeightScale, h_BTC: torch.Tensor) -> torch.Tensor:
    """w_1 as the module uses it: with every gate and the candidate wide open, h_1 = tanh(w_1)."""
    module = build(h_BTC.shape[2], weight_scale, 0)
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)
    torch.nn.init.constant_(module.input_projection.bias, 60.0)
    return torch.atanh(module(h_BTC)[:, 0]).detach()


@pytest.mark.parametrize("seed", range(4))
def test_instance_weights_average_one_over_c_as_printed_and_one_in_unit_mean(seed: int) -> None:
    h_BTC = torch.randn(3, 2, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    w_BC = first_weights("printed", h_BTC)
    torch.testing.assert_close(w_BC.mean(dim=1), torch.full((3,), 1 / 16, dtype=torch.float64))
    torch.testing.assert_close(w_BC, h_BTC[:, 0].softmax(dim=1))
    # small weights only: atanh loses the large ones
    flat_BTC = 0.1 * h_BTC
    torch.testing.assert_close(first_weights("unit_mean", flat_BTC).mean(dim=1), torch.ones(3, dtype=torch.float64))


@both_scales
def test_causal_and_every_hidden_state_goes_on(weight_scale: WeightScale) -> None:
    module = build(5, weight_scale, 6)
    h_BTC = torch.randn(2, 4, 5, dtype=torch.float64)
    out_BTC = module(h_BTC)
    assert out_BTC.shape == h_BTC.shape
    for t in range(1, 5):
        torch.testing.assert_close(module(h_BTC[:, :t]), out_BTC[:, :t])
    torch.testing.assert_close(torch.cat([module(h_BTC[:1]), module(h_BTC[1:])]), out_BTC)  # clips do not mix


def test_the_scale_is_unit_mean_unless_told() -> None:
    module = WIAN(4).double()
    named = WIAN(4, weight_scale="unit_mean").double()
    named.load_state_dict(module.state_dict())
    h_BTC = torch.randn(2, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(module(h_BTC), named(h_BTC))


@both_scales
def test_the_residual_adds_the_input_and_is_there_unless_told(weight_scale: WeightScale) -> None:
    alone = build(5, weight_scale, 1)
    with_input = WIAN(5, weight_scale=weight_scale).double()
    with_input.load_state_dict(alone.state_dict())
    h_BTC = torch.randn(2, 3, 5, dtype=torch.float64)
    torch.testing.assert_close(with_input(h_BTC), h_BTC + alone(h_BTC))
    torch.testing.assert_close(with_input.instance_weights(h_BTC), alone.instance_weights(h_BTC))


def test_a_new_module_lets_more_through_than_an_lstm_of_torch_would_start_with() -> None:
    torch.manual_seed(0)
    h_BTC = 0.9 + 0.4 * torch.randn(64, 4, 128)
    deviations = []
    for start in ("ours", "torch.nn.LSTM"):
        module = WIAN(128, residual=False)
        if start != "ours":
            for parameter in module.parameters():
                torch.nn.init.uniform_(parameter, -(128**-0.5), 128**-0.5)
        deviations.append(float(module(h_BTC).detach().std(dim=0).mean()))
    assert deviations[0] > 3 * deviations[1]


def test_shapes_of_parameters() -> None:
    shapes = {name: tuple(parameter.shape) for name, parameter in WIAN(512).named_parameters()}
    assert shapes == {
        "input_projection.weight": (2560, 512),
        "input_projection.bias": (2560,),
        "hidden_projection.weight": (2560, 512),
    }


def test_an_unknown_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="weight_scale"):
        WIAN(4, weight_scale="none")  # type: ignore[arg-type]


@both_scales
def test_large_inputs_stay_finite_and_bounded(weight_scale: WeightScale) -> None:
    module = WIAN(6, weight_scale=weight_scale, residual=False)
    h_BTC = (1e4 * torch.randn(2, 4, 6)).requires_grad_()
    out_BTC = module(h_BTC)
    assert (out_BTC.abs() <= 1).all()
    out_BTC.sum().backward()
    assert h_BTC.grad is not None
    assert h_BTC.grad.isfinite().all()


@both_scales
def test_autocast_stays_close(weight_scale: WeightScale) -> None:
    torch.manual_seed(0)
    module = WIAN(64, weight_scale=weight_scale)
    h_BTC = torch.randn(4, 4, 64)
    expected = module(h_BTC).detach()
    with torch.autocast("cpu", torch.bfloat16):
        out_BTC = module(h_BTC)
    # bfloat16 has 8 bits of mantissa
    torch.testing.assert_close(out_BTC.float(), expected, rtol=0, atol=0.02 * float(expected.abs().max()))


@both_scales
def test_forget_gate_keeps_the_cell(weight_scale: WeightScale) -> None:
    # every gate and the candidate wide open: the cell grows by w_t at each step
    h_BTC = torch.zeros(1, 3, 4, dtype=torch.float64)
    module = build(4, weight_scale, 0)
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)
    torch.nn.init.constant_(module.input_projection.bias, 60.0)
    w = 0.25 if weight_scale == "printed" else 1.0
    expected = [math.tanh((t + 1) * w) for t in range(3)]
    np.testing.assert_allclose(array(module(h_BTC))[0, :, 0], expected, rtol=1e-12)


def weights_by_hand(module: WIAN, h_BTC: torch.Tensor, weight_scale: WeightScale) -> network.Array:
    """Each number on its own: gates from the oracle's hidden states, then what is left of each instance at the end."""
    x_BTC, features = array(h_BTC), h_BTC.shape[2]
    weight, bias = array(module.input_projection.weight), array(module.input_projection.bias)
    recurrent = array(module.hidden_projection.weight)
    states_BTC = network.wian(x_BTC, weight, bias, recurrent, weight_scale)
    written_BT = np.zeros(x_BTC.shape[:2])
    for b, t in np.ndindex(*written_BT.shape):
        for k in range(features):
            left = 1.0
            for s in range(x_BTC.shape[1] - 1, t - 1, -1):
                before_C = states_BTC[b, s - 1] if s else np.zeros(features)
                i, f, _, candidate, gate = (
                    network.dot(weight[row], x_BTC[b, s]) + float(bias[row]) + network.dot(recurrent[row], before_C)
                    for row in range(k, 5 * features, features)
                )
                if s > t:
                    left *= network.sigmoid(f)
            d = network.sigmoid(gate) * network.instance_weights(x_BTC[b, t], weight_scale)[k]
            written_BT[b, t] += abs(network.sigmoid(i) * math.tanh(candidate) * d * left)
    return np.asarray(written_BT / written_BT.sum(axis=1, keepdims=True))


@both_scales
@pytest.mark.parametrize("seed", range(3))
def test_instance_weights_are_the_shares_of_the_last_cell(seed: int, weight_scale: WeightScale) -> None:
    rng = np.random.default_rng(seed)
    instances, features = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    module = build(features, weight_scale, seed)
    h_BTC = torch.from_numpy(2 * rng.normal(size=(2, instances, features)))
    found_BT = array(module.instance_weights(h_BTC))
    np.testing.assert_allclose(found_BT, weights_by_hand(module, h_BTC, weight_scale), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found_BT.sum(axis=1), 1)


def test_instances_that_write_nothing_weigh_the_same() -> None:
    module = WIAN(3)
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)  # the candidate is tanh(0)
    torch.testing.assert_close(module.instance_weights(torch.randn(2, 4, 3)), torch.full((2, 4), 0.25))
