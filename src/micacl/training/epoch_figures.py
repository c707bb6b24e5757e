"""What the running epoch has measured of its training so far; checkpoints keep it, so that its row becomes whole."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class EpochFigures:
    """Means over the clips of an epoch's training steps, and the newest values.

    Lightning keeps such sums too, but not in its checkpoints. Nothing here waits for the device.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._weights: dict[str, float] = {}
        self._newest: dict[str, Tensor | float] = {}

    def reset(self) -> None:
        """Begins an epoch."""
        self._sums, self._weights, self._newest = {}, {}, {}

    def add(self, name: str, value: Tensor, weight: float) -> None:
        """Takes a figure into its mean.

        Args:
            name: Of the figure.
            value: 0-d.
            weight: Number of clips that it is a mean of.
        """
        value = value.detach().float()
        self._sums[name] = self._sums.get(name, torch.zeros(())) + value * weight
        self._weights[name] = self._weights.get(name, 0.0) + weight

    def replace(self, name: str, value: Tensor | float) -> None:
        """Takes a figure of which only the newest counts."""
        self._newest[name] = value.detach().clone() if isinstance(value, Tensor) else value

    def means(self) -> dict[str, Tensor]:
        """The means so far, each 0-d."""
        return {name: total / self._weights[name] for name, total in self._sums.items()}

    def newest(self) -> dict[str, float]:
        """The newest values."""
        return {name: float(value) for name, value in self._newest.items()}

    def state_dict(self) -> dict[str, Any]:
        """Plain values and tensors."""
        return {"sums": self._sums, "weights": self._weights, "newest": self._newest}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from what ``state_dict`` gave."""
        self._sums, self._weights, self._newest = dict(state["sums"]), dict(state["weights"]), dict(state["newest"])
