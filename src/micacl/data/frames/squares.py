"""Makes squares of one size out of frames of any shape, so that clips can share a batch and a cache."""

from typing import TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_squares(frames_FHWC: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Cuts the middle square out of each frame and resizes it.

    Args:
        frames_FHWC: The RGB frames.
        size: The height and width of the result in pixels.

    Returns:
        Frames of shape (F, size, size, 3); the frames themselves where they have that shape already. Shrinking averages
        over the pixels that fall into one, enlarging is bilinear.
    """
    squares = _middle_squares(frames_FHWC)
    side = squares.shape[1]
    if side == size:
        return np.ascontiguousarray(squares)
    interpolation = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    resized = np.empty((len(squares), size, size, 3), np.uint8)
    for square, result in zip(squares, resized, strict=True):
        cv2.resize(square, (size, size), dst=result, interpolation=interpolation)
    return resized


def to_squares_on_device(frames_FHWC: Tensor, size: int) -> Tensor:
    """Cuts the middle square out of each frame and resizes it.

    Args:
        frames_FHWC: The RGB frames, uint8.
        size: The height and width of the result in pixels.

    Returns:
        uint8 frames of shape (F, size, size, 3), each pixel within one level of that of `to_squares`.
    """
    squares = _middle_squares(frames_FHWC)
    side = squares.shape[1]
    if side == size:
        return squares
    weights = (_area_weights(side, size) if side > size else _linear_weights(side, size)).to(frames_FHWC.device)
    # Along one axis after the other; OpenCV's and PyTorch's own ways of averaging over areas differ from each other.
    rows = torch.einsum("is,fsxc->fixc", weights, squares.float())
    resized = torch.einsum("js,fisc->fijc", weights, rows)
    return resized.round_().clamp_(0, 255).byte()


# Frames on the CPU or on any device.
_Frames = TypeVar("_Frames", NDArray[np.uint8], Tensor)


def _middle_squares(frames_FHWC: _Frames) -> _Frames:
    """Cuts the middle square out of each frame."""
    height, width = frames_FHWC.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return frames_FHWC[:, top : top + side, left : left + side]


def _area_weights(side: int, size: int) -> Tensor:
    """Computes the share (size, side) of each source pixel in each resulting pixel, which covers several."""
    edges = torch.arange(size + 1, dtype=torch.float64) * side / size
    pixel = torch.arange(side, dtype=torch.float64)
    first, last = torch.maximum(edges[:-1, None], pixel), torch.minimum(edges[1:, None], pixel + 1)
    return ((last - first).clamp_min(0) * size / side).float()


def _linear_weights(side: int, size: int) -> Tensor:
    """Computes the weights (size, side) of the two source pixels around the middle of each resulting pixel."""
    middle = ((torch.arange(size, dtype=torch.float64) + 0.5) * side / size - 0.5).clamp(0, side - 1)
    pixel = torch.arange(side, dtype=torch.float64)
    return (1 - (middle[:, None] - pixel).abs()).clamp_min(0).float()
