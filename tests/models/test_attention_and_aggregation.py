"""Self-attention over the instances, and the convolution that turns T instances into one feature vector."""

import numpy as np
import pytest
import torch
from tests.oracles import network
from tests.oracles.gradients import module_gradcheck
from tests.oracles.problems import array, randomize

from micacl.models import InstanceAggregation, InstanceAttention


def attention(features: int, heads: int, seed: int) -> InstanceAttention:
    module = InstanceAttention(features, num_heads=heads).double()
    randomize(module, seed)
    return module


@pytest.mark.parametrize(("features", "heads"), [(8, 8), (8, 2), (6, 3), (4, 1)])
@pytest.mark.parametrize("training", [True, False])
def test_attention_equals_the_oracle(features: int, heads: int, training: bool) -> None:
    module = attention(features, heads, features + heads).train(training)
    x_BTC = torch.from_numpy(np.random.default_rng(heads).normal(size=(2, 5, features)))
    parameters = {name: array(parameter) for name, parameter in module.named_parameters()}
    expected = network.self_attention(
        array(x_BTC),
        (parameters["norm.weight"], parameters["norm.bias"], module.norm.eps),
        (parameters["attention.in_proj_weight"], parameters["attention.in_proj_bias"]),
        (parameters["attention.out_proj.weight"], parameters["attention.out_proj.bias"]),
        heads,
    )
    np.testing.assert_allclose(array(module(x_BTC)), expected, rtol=1e-9, atol=1e-11)


def test_attention_has_eight_heads_and_layer_norm_starts_plain() -> None:
    module = InstanceAttention(16)
    assert module.attention.num_heads == 8
    assert module.attention.batch_first
    assert module.norm.normalized_shape == (16,)


def test_attention_moves_with_its_instances_and_keeps_clips_apart() -> None:
    module = attention(8, 4, 1)
    x_BTC = torch.randn(3, 5, 8, dtype=torch.float64)
    order = torch.tensor([3, 1, 4, 0, 2])
    out_BTC = module(x_BTC)
    torch.testing.assert_close(module(x_BTC[:, order]), out_BTC[:, order])
    torch.testing.assert_close(module(x_BTC[1:2]), out_BTC[1:2])


def test_attention_gradcheck() -> None:
    x_BTC = torch.randn(1, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert module_gradcheck(attention(4, 2, 2), x_BTC)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize(("instances", "features"), [(4, 7), (1, 3), (3, 1)])
def test_aggregation_equals_the_oracle(instances: int, features: int, kernel: int) -> None:
    module = InstanceAggregation(instances, kernel_size=kernel).double()
    randomize(module, 3)
    x_BTC = torch.from_numpy(np.random.default_rng(kernel).normal(size=(3, instances, features)))
    assert module.conv.weight.shape == (1, instances, kernel)
    assert module.conv.bias is not None
    out_BC = module(x_BTC)
    assert out_BC.shape == (3, features)
    expected = network.aggregate(array(x_BTC), array(module.conv.weight), array(module.conv.bias))
    np.testing.assert_allclose(array(out_BC), expected, rtol=1e-10, atol=1e-12)


def test_aggregation_kernel_is_three_unless_told() -> None:
    assert InstanceAggregation(4).conv.weight.shape == (1, 4, 3)


def test_aggregation_gradcheck() -> None:
    module = InstanceAggregation(3).double()
    assert module_gradcheck(module, torch.randn(2, 3, 4, dtype=torch.float64))
