"""Makes squares of one size out of frames of any shape, so that clips can share a batch and a cache."""

from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # the processes that fill the cache start without PyTorch
    from torch import Tensor

# Frames on the CPU or on any device.
_Frames = TypeVar("_Frames", NDArray[np.uint8], "Tensor")


def to_squares(frames_FHWC: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Cuts the middle square out of each frame and resizes it.

    Args:
        frames_FHWC: The RGB frames.
        size: The height and width of the result in pixels.

    Returns:
        Frames of shape (F, size, size, 3); the frames themselves where they have that shape already. Shrinking averages
        over the pixels that fall into one, enlarging is bilinear.
    """
    squares = middle_squares(frames_FHWC)
    side = squares.shape[1]
    if side == size:
        return np.ascontiguousarray(squares)
    interpolation = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    resized = np.empty((len(squares), size, size, 3), np.uint8)
    for square, result in zip(squares, resized, strict=True):
        cv2.resize(square, (size, size), dst=result, interpolation=interpolation)
    return resized


def middle_squares(frames_FHWC: _Frames) -> _Frames:
    """Cuts the middle square out of each frame, F,H,W,3, without copying."""
    height, width = frames_FHWC.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return frames_FHWC[:, top : top + side, left : left + side]
