"""Random problems for the losses, and tensors to the oracles' arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

Array = npt.NDArray[np.float64]


def array(tensor: Tensor) -> Array:
    """A tensor's values in float64, cut from the graph."""
    return np.asarray(tensor.detach().cpu().double().numpy(), dtype=np.float64).copy()


def linears(modules: nn.ModuleList | nn.Sequential) -> list[nn.Linear]:
    """The linear layers among some, with the type that their container forgets."""
    return [module for module in modules if isinstance(module, nn.Linear)]


def randomize(module: nn.Module, seed: int, scale: float = 0.5) -> None:
    """Give every parameter a random value: zeros and ones at the start would hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))


@dataclass(frozen=True)
class Problem:
    """A batch from a long-tailed training split, in float64."""

    features: Tensor  # B,C
    logits: Tensor  # B,K
    labels: Tensor  # B
    counts: list[int]

    @property
    def label_list(self) -> list[int]:
        """The labels as the oracles take them."""
        return [int(label) for label in self.labels]


def problem(
    seed: int, batch: int = 7, features: int = 12, classes: int = 4, labels: Sequence[int] | None = None
) -> Problem:
    """Counts fall by a random ratio from class to class, labels follow the counts unless given."""
    rng = np.random.default_rng(seed)
    ratio = rng.uniform(0.3, 0.9)
    counts = [int(2 + rng.integers(20, 400) * ratio**k) for k in range(classes)]
    rng.shuffle(counts)
    if labels is None:
        shares = np.array(counts, dtype=np.float64) / sum(counts)
        labels = [int(label) for label in rng.choice(classes, size=batch, p=shares)]
    return Problem(
        features=torch.from_numpy(rng.normal(size=(len(labels), features)) * rng.uniform(0.2, 3.0, size=features)),
        logits=torch.from_numpy(rng.normal(size=(len(labels), classes)) * 2.0),
        labels=torch.tensor(list(labels)),
        counts=counts,
    )
