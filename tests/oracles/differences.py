"""Central finite differences: the oracle's gradient, knowing nothing of autograd."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def gradient(function: Callable[[Array], float], at: Array, step: float = 1e-5) -> Array:
    """d function / d at, one coordinate at a time."""
    slopes = np.zeros(at.size)
    for index in range(at.size):
        above, below = at.flatten(), at.flatten()
        above[index] += step
        below[index] -= step
        slopes[index] = (function(above.reshape(at.shape)) - function(below.reshape(at.shape))) / (2 * step)
    return slopes.reshape(at.shape)
