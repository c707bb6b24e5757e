"""Chooses which frames of a clip the network sees."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# Chooses frames: takes the number of frames that a clip has, and returns the indices to read, never decreasing.
Choose = Callable[[int], NDArray[np.int64]]


def frame_indices(num_available: int, num_frames: int, generator: np.random.Generator | None) -> NDArray[np.int64]:
    """Cuts a clip into equal segments and takes one frame of each.

    With n frames available, segment i of F covers the time from i n / F to (i + 1) n / F, where frame j lasts from j
    to j + 1. A clip shorter than F repeats its frames evenly, the same at every epoch: its segments are shorter than
    a frame, so there is nothing to draw.

    Args:
        num_available: N, the number of frames in the clip.
        num_frames: F, the number of frames to take.
        generator: Draws the moment within each segment (training); None takes its middle (evaluation).

    Returns:
        F indices from 0 to n - 1, never decreasing.

    Raises:
        ValueError: If the clip has no frames, or none is asked for.

    >>> frame_indices(8, 4, None).tolist()
    [1, 3, 5, 7]
    """
    if num_available < 1:
        raise ValueError("the clip has no frames")
    if num_frames < 1:
        raise ValueError(f"num_frames is {num_frames}; at least one frame must be taken")
    segment = np.arange(num_frames, dtype=np.int64)
    if generator is None or num_available < num_frames:
        return (2 * segment + 1) * num_available // (2 * num_frames)
    moment = (segment + generator.random(num_frames)) * num_available / num_frames
    # Rounding can carry a moment at the very end of its segment into the next one, so the segment's last frame caps it.
    last = -(-(segment + 1) * num_available // num_frames) - 1
    return np.minimum(moment.astype(np.int64), last)
