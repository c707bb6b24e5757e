"""Chooses frames in several ways, given the number of frames that a clip has."""

import numpy as np
from numpy.typing import NDArray


def every(num_frames: int) -> NDArray[np.int64]:
    return np.arange(num_frames, dtype=np.int64)


def middles(num_frames: int) -> NDArray[np.int64]:
    return (2 * np.arange(16, dtype=np.int64) + 1) * num_frames // 32


def ends(num_frames: int) -> NDArray[np.int64]:
    """Chooses the first, two in between and the last: decord hangs on it if a file claims more frames than it has."""
    return np.array([0, num_frames // 3, 2 * num_frames // 3, num_frames - 1])


def last(num_frames: int) -> NDArray[np.int64]:
    return np.array([num_frames - 1])


def last_repeated(num_frames: int) -> NDArray[np.int64]:
    return np.array([0, 0, 0, num_frames - 1, num_frames - 1])
