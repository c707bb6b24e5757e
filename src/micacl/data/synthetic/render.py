"""Draws one planned clip, frame by frame."""

import numpy as np

from micacl.data.synthetic.canvas import ByteArray, Canvas
from micacl.data.synthetic.disturbance import add_sensor_noise, sample_occlusion, spoil_frames
from micacl.data.synthetic.face import draw_face
from micacl.data.synthetic.plan import PlannedClip
from micacl.data.synthetic.recipe import MAX_CLIP_FRAMES, MIN_CLIP_FRAMES, Recipe
from micacl.data.synthetic.scene import crop_background, expose, sample_scene
from micacl.data.synthetic.subject import Subject, sample_subject
from micacl.data.synthetic.timeline import sample_timeline

# Half of the frame in face units: the face fills most of the frame, as in aligned face crops.
HALF_FRAME = 0.78
# The shift of the face from the middle of the frame, in face units: it is moved up, so that the whole mouth is visible.
FACE_SHIFT = -0.12

# The first word of a random stream's key, after the seed: there is one stream per subject and one per clip.
_SUBJECT_STREAM = 1
_CLIP_STREAM = 2


def subject_of(recipe: Recipe, subject: int) -> Subject:
    """Returns the traits of the recipe's subject with that number, from 0."""
    return sample_subject(np.random.default_rng([recipe.seed, _SUBJECT_STREAM, subject]))


def render_clip(recipe: Recipe, clip: PlannedClip) -> ByteArray:
    """Draws a clip; the result depends on the recipe's seed and the clip alone.

    Args:
        recipe: The recipe of the data set.
        clip: The planned clip: its subject and its expression.

    Returns:
        The RGB frames, shape (T, frame_size, frame_size, 3), `MIN_CLIP_FRAMES` <= T <= `MAX_CLIP_FRAMES`.
    """
    rng = np.random.default_rng([recipe.seed, _CLIP_STREAM, clip.index])
    size = recipe.frame_size
    subject = subject_of(recipe, clip.subject)
    num_frames = int(rng.integers(MIN_CLIP_FRAMES, MAX_CLIP_FRAMES + 1))
    units = sample_timeline(clip.label, num_frames, rng, recipe.strength)
    scene = sample_scene(num_frames, size, rng)
    occlusion = sample_occlusion(num_frames, rng)

    pixels_per_unit = size / (2 * HALF_FRAME)
    frames = np.empty((num_frames, size, size, 3), dtype=np.uint8)
    for frame in range(num_frames):
        canvas = Canvas(crop_background(scene, frame, size), pixels_per_unit)
        yaw, pitch, roll, scale, shift_x, shift_y = scene.pose[frame]
        camera_x, camera_y = scene.camera[frame] / pixels_per_unit
        canvas.set_pose(yaw, pitch, roll, scale, (shift_x + camera_x, shift_y + camera_y + FACE_SHIFT))
        intensities = {unit: float(values[frame]) for unit, values in units.items()}
        draw_face(canvas, subject, intensities, tuple(scene.gaze[frame]), scene.light_direction)
        image = canvas.develop()
        if occlusion is not None:
            occlusion.draw(image, frame)
        frames[frame] = expose(image, scene, frame)
    spoil_frames(frames, rng)
    add_sensor_noise(frames, scene.sensor_noise, rng)
    return frames
