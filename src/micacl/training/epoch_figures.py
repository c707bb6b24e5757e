"""Running means of the current epoch. Stored in checkpoints, so that a resumed epoch still reports all its steps."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class HasFigures(Protocol):
    """A network or a loss with figures of its own that ``metrics.csv`` should record, such as GEIIM's alpha."""

    def figures(self) -> Mapping[str, Tensor | float]:
        """Returns the current values by name; tensors are 0-d."""


class EpochFigures:
    """Collects means over the clips of an epoch's training steps, and the newest values of other figures.

    Lightning keeps such sums too, but not in its checkpoints. Nothing here waits for the device.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._weights: dict[str, float] = {}
        self._newest: dict[str, Tensor | float] = {}

    def reset(self) -> None:
        """Forgets everything, at the beginning of an epoch."""
        self._sums, self._weights, self._newest = {}, {}, {}

    def add(self, name: str, value: Tensor, weight: float) -> None:
        """Adds a value to the mean of a figure.

        Args:
            name: The figure's name.
            value: The value of a step, 0-d.
            weight: The number of clips that it is a mean of.
        """
        value = value.detach().float()
        self._sums[name] = self._sums.get(name, torch.zeros(())) + value * weight
        self._weights[name] = self._weights.get(name, 0.0) + weight

    def replace(self, name: str, value: Tensor | float) -> None:
        """Replaces a figure of which only the newest value counts."""
        self._newest[name] = value.detach().clone() if isinstance(value, Tensor) else value

    def means(self) -> dict[str, Tensor]:
        """Computes the means so far, each 0-d."""
        return {name: total / self._weights[name] for name, total in self._sums.items()}

    def newest(self) -> dict[str, float]:
        """Returns the newest values."""
        return {name: float(value) for name, value in self._newest.items()}

    def state_dict(self) -> dict[str, Any]:
        """Returns plain values and tensors for a checkpoint."""
        return {"sums": self._sums, "weights": self._weights, "newest": self._newest}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what ``state_dict`` returned."""
        self._sums, self._weights, self._newest = dict(state["sums"]), dict(state["weights"]), dict(state["newest"])
