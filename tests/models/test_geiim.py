"""Equations (1) and (2) and the depthwise convolutions over the instances."""

import numpy as np
import pytest
import torch
from tests.oracles import differences, network
from tests.oracles.gradients import module_gradcheck
from tests.oracles.problems import array, randomize

from micacl.models import GEIIM


def build(instances: int, features: int, kernels: tuple[int, ...], seed: int, embedding: int = 10) -> GEIIM:
    """A module with random parameters, in float64."""
    module = GEIIM(instances, features, embedding_dim=embedding, kernels=kernels).double()
    randomize(module, seed)
    return module


def oracle(module: GEIIM, x_BTC: network.Array) -> network.Array:
    convolutions = [
        (array(parameters["weight"]), array(parameters["bias"]))
        for parameters in (dict(layer.named_parameters()) for layer in module.convolutions)
    ]
    alpha = network.sigmoid(module.alpha_logit.item())
    return network.geiim(x_BTC, array(module.node_embedding_1), array(module.node_embedding_2), alpha, convolutions)


@pytest.mark.parametrize("kernels", [(), (1,), (1, 3, 5), (7,)])
@pytest.mark.parametrize("seed", range(5))
def test_forward_equals_the_oracle(seed: int, kernels: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    instances, features = int(rng.integers(1, 7)), int(rng.integers(1, 9))
    module = build(instances, features, kernels, seed, embedding=int(rng.integers(1, 6)))
    x_BTC = torch.from_numpy(rng.normal(size=(3, instances, features)))
    np.testing.assert_allclose(array(module(x_BTC)), oracle(module, array(x_BTC)), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        array(module.adjacency()),
        network.adjacency(array(module.node_embedding_1), array(module.node_embedding_2)),
        rtol=1e-12,
    )


def test_adjacency_rows_are_distributions_and_no_entry_falls_below_the_zeroed_ones() -> None:
    a_TT = build(6, 4, (), 3).adjacency()
    torch.testing.assert_close(a_TT.sum(dim=1), torch.ones(6, dtype=torch.float64))
    # relu: all negative scores share the floor of their row, e^0 over the sum
    module = build(6, 4, (), 3)
    scores = module.node_embedding_1 @ module.node_embedding_2
    assert (scores < 0).any()
    floor_T = 1 / scores.clamp(min=0).exp().sum(dim=1)
    for t in range(6):
        torch.testing.assert_close(a_TT[t][scores[t] < 0], floor_T[t].expand(int((scores[t] < 0).sum())))


def test_alpha_is_a_learned_fraction() -> None:
    module = GEIIM(4, 8)
    assert module.alpha_logit.requires_grad
    for logit in (-50.0, -1.0, 0.0, 2.0, 50.0):
        torch.nn.init.constant_(module.alpha_logit, logit)
        assert module.alpha.item() == pytest.approx(network.sigmoid(logit))


def test_alpha_of_one_passes_the_input_and_of_zero_the_neighbourhood() -> None:
    module = build(4, 5, (), 1)
    x_BTC = torch.randn(2, 4, 5, dtype=torch.float64)
    torch.nn.init.constant_(module.alpha_logit, 60.0)
    torch.testing.assert_close(module(x_BTC), x_BTC)
    torch.nn.init.constant_(module.alpha_logit, -60.0)
    torch.testing.assert_close(module(x_BTC), torch.einsum("tu,buc->btc", module.adjacency(), x_BTC))


def test_starts_as_equation_two_and_convolutions_can_learn_from_there() -> None:
    torch.manual_seed(0)
    module = GEIIM(4, 6).double()
    assert [layer.kernel_size for layer in module.convolutions] == [(1,), (3,), (5,)]
    x_BTC = torch.randn(2, 4, 6, dtype=torch.float64)
    expected = network.geiim(
        array(x_BTC),
        array(module.node_embedding_1),
        array(module.node_embedding_2),
        network.sigmoid(module.alpha_logit.item()),
    )
    out_BTC = module(x_BTC)
    np.testing.assert_allclose(array(out_BTC), expected, rtol=1e-12)
    out_BTC.square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_shapes_of_parameters() -> None:
    shapes = {name: tuple(parameter.shape) for name, parameter in GEIIM(4, 512).named_parameters()}
    assert shapes.pop("node_embedding_1") == (4, 10)
    assert shapes.pop("node_embedding_2") == (10, 4)
    assert shapes.pop("alpha_logit") == ()
    assert sorted(shapes.values()) == [(512,), (512,), (512,), (512, 1, 1), (512, 1, 3), (512, 1, 5)]
    assert len(list(GEIIM(4, 512, kernels=()).parameters())) == 3


def test_one_adjacency_for_the_whole_batch() -> None:
    module = build(4, 5, (1, 3, 5), 2)
    x_BTC = torch.randn(5, 4, 5, dtype=torch.float64)
    alone_BTC = torch.cat([module(x_BTC[b : b + 1]) for b in range(5)])
    torch.testing.assert_close(module(x_BTC), alone_BTC)


@pytest.mark.parametrize("initial_alpha", [0.1, 0.5, 0.9])
def test_alpha_starts_where_it_is_told(initial_alpha: float) -> None:
    module = GEIIM(4, 5, kernels=(), initial_alpha=initial_alpha).double()
    x_BTC = torch.randn(2, 4, 5, dtype=torch.float64)
    neighbors_BTC = torch.einsum("tu,buc->btc", module.adjacency(), x_BTC)
    torch.testing.assert_close(
        module(x_BTC), initial_alpha * x_BTC + (1 - initial_alpha) * neighbors_BTC, rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("initial_alpha", [0.0, 1.0, 1.5, -0.1, float("nan")])
def test_an_alpha_that_could_not_be_learned_is_refused(initial_alpha: float) -> None:
    with pytest.raises(ValueError, match="initial_alpha must be between 0 and 1"):
        GEIIM(4, 8, initial_alpha=initial_alpha)


@pytest.mark.parametrize("kernels", [(2,), (1, 3, 4), (0,)])
def test_even_kernels_are_refused(kernels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="odd kernel sizes"):
        GEIIM(4, 8, kernels=kernels)


@pytest.mark.parametrize("kernels", [(), (1, 3)])
def test_gradients(kernels: tuple[int, ...]) -> None:
    module = build(3, 2, kernels, 4, embedding=2)
    x_BTC = torch.randn(2, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert module_gradcheck(module, x_BTC)


def test_gradient_of_the_embeddings_equals_finite_differences_of_the_oracle() -> None:
    module = build(3, 2, (), 5, embedding=4)
    x_BTC = torch.randn(2, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    module(x_BTC).square().sum().backward()
    n1, n2 = array(module.node_embedding_1), array(module.node_embedding_2)
    alpha = network.sigmoid(module.alpha_logit.item())
    for parameter, value, function in (
        (module.node_embedding_1, n1, lambda n: float((network.geiim(array(x_BTC), n, n2, alpha) ** 2).sum())),
        (module.node_embedding_2, n2, lambda n: float((network.geiim(array(x_BTC), n1, n, alpha) ** 2).sum())),
    ):
        assert parameter.grad is not None
        np.testing.assert_allclose(array(parameter.grad), differences.gradient(function, value), atol=1e-7)
