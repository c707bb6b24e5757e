from itertools import pairwise

import numpy as np

from micacl.data.expressions import CLASS_NAMES
from micacl.data.synthetic.action_units import ACTION_UNITS
from micacl.data.synthetic.canvas import ByteArray, Canvas
from micacl.data.synthetic.face import draw_face
from micacl.data.synthetic.plan import PlannedClip, plan_clips
from micacl.data.synthetic.recipe import Recipe
from micacl.data.synthetic.render import render_clip, subject_of


def still(subject: int, units: dict[int, float]) -> ByteArray:
    """A face before a grey wall, RGB of shape (96, 96, 3)."""
    canvas = Canvas(np.full((192, 192, 3), 160, dtype=np.uint8), pixels_per_unit=40)
    intensities = dict.fromkeys(ACTION_UNITS, 0.0) | units
    draw_face(canvas, subject_of(Recipe(), subject), intensities, (0.0, 0.0), (0.0, 0.0))
    return canvas.develop()


def test_every_action_unit_is_seen_on_every_face() -> None:
    for subject in range(20):
        at_rest = still(subject, {}).astype(int)
        for unit in ACTION_UNITS:
            change = np.abs(still(subject, {unit: 1.0}) - at_rest).max(axis=-1)
            assert np.count_nonzero(change > 12) >= 12, (subject, unit)


def test_intensity_is_continuous() -> None:
    for unit in ACTION_UNITS:
        steps = [still(18, {unit: level}).astype(int) for level in np.linspace(0, 1, 21)]
        changes = [np.abs(later - earlier).mean() for earlier, later in pairwise(steps)]
        assert max(changes) < 0.5 * np.abs(steps[-1] - steps[0]).mean() + 0.1, unit


def test_clip_depends_on_seed_and_index_alone() -> None:
    recipe = Recipe(frame_size=32)
    clip = plan_clips(recipe)[3]

    frames = render_clip(recipe, clip)
    assert frames.shape[1:] == (32, 32, 3)
    assert 16 <= len(frames) <= 36
    np.testing.assert_array_equal(frames, render_clip(recipe, clip))

    other = render_clip(Recipe(frame_size=32, seed=1), clip)
    assert other.shape != frames.shape or not np.array_equal(other, frames)


def test_length_tells_nothing_of_the_class() -> None:
    recipe = Recipe(frame_size=32)

    # The length is the first thing that a clip's own random stream decides, before its class is looked at.
    lengths = {len(render_clip(recipe, PlannedClip(7, label, 0, 1))) for label in range(len(CLASS_NAMES))}

    assert len(lengths) == 1
