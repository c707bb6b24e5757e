"""Draws clips with DFEW's lengths, for the benchmarks that load clips."""

import numpy as np
from numpy.typing import NDArray

from micacl.data.synthetic.plan import plan_clips
from micacl.data.synthetic.recipe import Recipe
from micacl.data.synthetic.render import render_clip

# DFEW: 11 to 847 frames, median 70, mean 77, 95th percentile 155.
MEDIAN_LENGTH, LENGTH_SPREAD, SHORTEST, LONGEST = 70, 0.45, 11, 847


def draw_length(generator: np.random.Generator) -> int:
    """Draws the number of frames of a clip."""
    return int(np.clip(MEDIAN_LENGTH * np.exp(LENGTH_SPREAD * generator.normal()), SHORTEST, LONGEST))


def draw_faces(size: int) -> NDArray[np.uint8]:
    """Draws a few hundred pictures of faces, shape (N, size, size, 3)."""
    recipe = Recipe(num_clips=175, num_subjects=35, frame_size=size)
    clips = plan_clips(recipe)
    return np.concatenate([render_clip(recipe, clip) for clip in clips[:: len(clips) // 8]])
