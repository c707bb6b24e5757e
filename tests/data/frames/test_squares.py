import numpy as np
import pytest
from numpy.typing import NDArray

from micacl.data.frames.squares import to_squares


@pytest.mark.parametrize(("height", "width"), [(96, 96), (64, 64), (120, 90), (91, 121), (30, 20), (1, 1), (65, 640)])
def test_the_middle_square_alone_is_seen(height: int, width: int) -> None:
    frames = np.zeros((2, height, width, 3), dtype=np.uint8)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    frames[:, top : top + side, left : left + side] = 200
    assert (to_squares(frames, 64) == np.full((2, 64, 64, 3), 200)).all()


def test_a_clip_of_the_right_size_is_left_as_it_is() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    assert (to_squares(frames, 64) == frames).all()


def coverage(pixels: int, size: int) -> NDArray[np.float64]:
    """Computes the share of each pixel in each of the fewer, wider resulting pixels."""
    left, right = np.arange(size)[:, None] * pixels / size, (np.arange(size)[:, None] + 1) * pixels / size
    column = np.arange(pixels)
    return np.clip(np.minimum(right, column + 1) - np.maximum(left, column), 0, None) * size / pixels


@pytest.mark.parametrize(("side", "size"), [(224, 128), (224, 112), (96, 48), (100, 99), (640, 128)])
def test_shrinking_averages_over_the_area_of_a_pixel(side: int, size: int) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    weights = coverage(side, size)
    expected = np.einsum("ij,fjkc,lk->filc", weights, frames, weights, optimize=True)
    assert abs(to_squares(frames, size) - expected).max() <= 1
