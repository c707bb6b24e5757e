from fractions import Fraction
from math import floor

import numpy as np
import pytest

from micacl.data.sampling import frame_indices

LENGTHS = [1, 2, 3, 7, 8, 11, 15, 16, 17, 31, 32, 40, 77, 847]
NUMS = [1, 2, 3, 8, 16]


def segment_frames(num_available: int, num_frames: int, segment: int) -> list[int]:
    """Finds the frames that a segment touches by trying each."""
    start, stop = (Fraction(i * num_available, num_frames) for i in (segment, segment + 1))
    return [frame for frame in range(num_available) if frame < stop and frame + 1 > start]


@pytest.mark.parametrize("num_available", LENGTHS)
@pytest.mark.parametrize("num_frames", NUMS)
def test_evaluation_takes_the_middle_of_each_segment(num_available: int, num_frames: int) -> None:
    expected = [floor((i + Fraction(1, 2)) * num_available / num_frames) for i in range(num_frames)]
    indices = frame_indices(num_available, num_frames, None)
    assert indices.dtype == np.int64
    assert indices.tolist() == expected


@pytest.mark.parametrize("num_available", LENGTHS)
@pytest.mark.parametrize("num_frames", NUMS)
def test_training_takes_any_frame_of_each_segment_and_no_other(num_available: int, num_frames: int) -> None:
    if num_available < num_frames:
        return
    generator = np.random.default_rng(0)
    draws = np.stack([frame_indices(num_available, num_frames, generator) for _ in range(2000)])
    assert (np.diff(draws, axis=1) >= 0).all()
    for segment in range(num_frames):
        touched = segment_frames(num_available, num_frames, segment)
        assert set(draws[:, segment].tolist()) <= set(touched)
        if len(touched) < 10:
            assert set(draws[:, segment].tolist()) == set(touched)


def test_training_draws_evenly_within_a_segment() -> None:
    generator = np.random.default_rng(0)
    draws = np.stack([frame_indices(40, 4, generator) for _ in range(20_000)])
    counts = np.bincount(draws.ravel(), minlength=40)
    # 20,000 draws of 10 frames: 2,000 each, deviation 42
    assert abs(counts - 2000).max() < 5 * 42


class LastMoment(np.random.Generator):
    """Draws the largest number below 1, at which rounding would leave the segment."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def random(self, size: int) -> np.ndarray:  # type: ignore[override]
        return np.full(size, np.nextafter(1.0, 0.0))


@pytest.mark.parametrize("num_available", LENGTHS)
def test_the_last_moment_of_a_segment_stays_in_it(num_available: int) -> None:
    for num_frames in (n for n in NUMS if n <= num_available):
        indices = frame_indices(num_available, num_frames, LastMoment())
        assert indices.tolist() == [segment_frames(num_available, num_frames, i)[-1] for i in range(num_frames)]


@pytest.mark.parametrize("num_available", range(1, 16))
def test_a_short_clip_repeats_its_frames_evenly_in_training_and_evaluation(num_available: int) -> None:
    expected = frame_indices(num_available, 16, None)
    assert frame_indices(num_available, 16, np.random.default_rng(1)).tolist() == expected.tolist()
    counts = np.bincount(expected, minlength=num_available)
    assert counts.min() >= 1
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize(("num_available", "num_frames"), [(0, 16), (-1, 16), (16, 0)])
def test_nothing_to_take_is_an_error(num_available: int, num_frames: int) -> None:
    with pytest.raises(ValueError, match="frame"):
        frame_indices(num_available, num_frames, None)
