"""Frames of any shape become squares of one size, so that clips can share a batch and a cache."""

import cv2
import numpy as np
from numpy.typing import NDArray


def to_squares(frames_FHWC: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Cut the middle square out of each frame and resize it.

    Args:
        frames_FHWC: RGB frames.
        size: height and width of the result in pixels.

    Returns:
        Frames of shape (F, size, size, 3); the frames themselves where they have that shape already. Shrinking averages
        over the pixels that fall into one, enlarging is bilinear.
    """
    height, width = frames_FHWC.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    squares = frames_FHWC[:, top : top + side, left : left + side]
    if side == size:
        return np.ascontiguousarray(squares)
    interpolation = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    resized = np.empty((len(squares), size, size, 3), np.uint8)
    for square, result in zip(squares, resized, strict=True):
        cv2.resize(square, (size, size), dst=result, interpolation=interpolation)
    return resized
