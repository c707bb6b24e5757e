"""Samples the surroundings of the face: background, light, head pose and the camera."""

from dataclasses import dataclass

import cv2
import numpy as np

from micacl.data.synthetic import nuisance
from micacl.data.synthetic.canvas import SUPERSAMPLING, ByteArray, FloatArray
from micacl.data.synthetic.recipe import FRAMES_PER_SECOND

# The size of the background relative to the frame; it is larger, so that the camera can move over it.
_BACKGROUND_MARGIN = 1.25


@dataclass(frozen=True)
class Scene:
    """Everything around one clip's face. T is the number of frames, S the supersampling.

    Attributes:
        background: The RGB image behind the face, larger than S times the frame.
        pose: The yaw, pitch and roll in radians, the relative scale, the horizontal and vertical shift in face units,
            shape (T, 6).
        gaze: The shift of the irises in face units, shape (T, 2).
        camera: The shift of the whole picture in pixels of the frame, shape (T, 2).
        light_map: The gain of each pixel and colour, shape (frame_size, frame_size, 3); 1 is unchanged.
        light_direction: The shift of the lit part of the face in face units.
        exposure: The gain of each frame, shape (T,).
        blur_sigma: The softness in pixels of the frame; 0 is sharp.
        sensor_noise: The standard deviation of the sensor noise in grey levels.
    """

    background: ByteArray
    pose: FloatArray
    gaze: FloatArray
    camera: FloatArray
    light_map: FloatArray
    light_direction: tuple[float, float]
    exposure: FloatArray
    blur_sigma: float
    sensor_noise: float


def sample_scene(num_frames: int, frame_size: int, rng: np.random.Generator) -> Scene:
    """Samples the surroundings of one clip.

    Args:
        num_frames: The number of frames of the clip, T.
        frame_size: The height and width of a frame in pixels.
        rng: The source of randomness.
    """
    spreads = np.array(
        [
            nuisance.YAW_SPREAD,
            nuisance.PITCH_SPREAD,
            nuisance.ROLL_SPREAD,
            nuisance.SCALE_SPREAD,
            nuisance.SHIFT_SPREAD,
            nuisance.SHIFT_SPREAD,
        ]
    )
    # The pose is clipped at two standard deviations, so that the face stays in the frame.
    mean_pose = np.clip(rng.normal(size=6), -2, 2)
    drift = nuisance.POSE_DRIFT * _smooth_noise(num_frames, 6, rng)
    pose = (mean_pose + drift) * spreads
    pose[:, 3] += 1.0

    camera = np.zeros((num_frames, 2))
    if rng.random() < nuisance.SHAKE_PROBABILITY:
        camera = rng.normal(0, nuisance.SHAKE_PIXELS * frame_size, size=(num_frames, 2))
        # A camera has weight, so its tremor is smoother than white noise.
        camera[1:] = 0.6 * camera[1:] + 0.4 * camera[:-1]

    angle = rng.uniform(0, 2 * np.pi)
    blur = rng.uniform(*nuisance.BLUR_SIGMA) * frame_size / 96
    return Scene(
        background=_sample_background(frame_size, rng),
        pose=pose,
        gaze=nuisance.GAZE_SPREAD * (np.clip(rng.normal(size=2), -1.5, 1.5) + 0.3 * _smooth_noise(num_frames, 2, rng)),
        camera=camera,
        light_map=_sample_light_map(frame_size, angle, rng),
        light_direction=(0.08 * float(np.cos(angle)), 0.06 * float(np.sin(angle)) - 0.04),
        exposure=1.0 + nuisance.LIGHT_DRIFT * _smooth_noise(num_frames, 1, rng)[:, 0],
        blur_sigma=blur if rng.random() < nuisance.BLUR_PROBABILITY else 0.0,
        sensor_noise=rng.uniform(*nuisance.SENSOR_NOISE),
    )


def _smooth_noise(num_frames: int, num_channels: int, rng: np.random.Generator) -> FloatArray:
    """Samples a slow random movement of shape (T, channels), with a standard deviation of about 1."""
    seconds = np.arange(num_frames)[:, None] / FRAMES_PER_SECOND
    waves = [
        np.sin(2 * np.pi * rng.uniform(0.15, 0.7, num_channels) * seconds + rng.uniform(0, 2 * np.pi, num_channels))
        for _ in range(2)
    ]
    return np.asarray(waves[0] + waves[1], dtype=np.float64)


def _sample_background(frame_size: int, rng: np.random.Generator) -> ByteArray:
    """Draws an out-of-focus room: two colours that blend into each other, and blurred objects."""
    size = round(frame_size * SUPERSAMPLING * _BACKGROUND_MARGIN)
    colors = 0.4 * rng.uniform(40, 215, size=(2, 1, 1, 3)) + 0.6 * rng.uniform(40, 215, size=(2, 1, 1, 1))
    ramp = np.linspace(0, 1, size)[:, None, None]
    image = np.broadcast_to(colors[0] * (1 - ramp) + colors[1] * ramp, (size, size, 3)).astype(np.uint8).copy()
    if rng.random() < 0.5:
        image = np.ascontiguousarray(image.transpose(1, 0, 2))
    for _ in range(int(rng.integers(2, 9))):
        corner = rng.integers(0, size, 2)
        extent = rng.integers(size // 12, size // 2, 2)
        color = tuple(int(value) for value in 0.5 * rng.uniform(20, 235, 3) + 0.5 * rng.uniform(20, 235))
        if rng.random() < 0.5:
            cv2.rectangle(image, corner.tolist(), (corner + extent).tolist(), color, -1)
        else:
            cv2.ellipse(image, corner.tolist(), (extent // 2).tolist(), 0, 0, 360, color, -1)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(1.5, 6)) * frame_size / 96), dtype=np.uint8)


def _sample_light_map(frame_size: int, angle: float, rng: np.random.Generator) -> FloatArray:
    """Samples the gain of each pixel: brightness, tint, and a ramp towards the light at that angle in radians."""
    axis = np.linspace(-1, 1, frame_size)
    ramp = axis[None, :] * np.cos(angle) + axis[:, None] * np.sin(angle)
    gain = rng.uniform(*nuisance.BRIGHTNESS) * (1 + nuisance.LIGHT_GRADIENT * rng.uniform(0, 1) * ramp)
    warmth = rng.normal(0, nuisance.LIGHT_TINT)
    return np.asarray(gain[:, :, None] * np.array([1 + warmth, 1.0, 1 - warmth]), dtype=np.float64)


def crop_background(scene: Scene, frame: int, frame_size: int) -> ByteArray:
    """Copies the part of the background that the camera sees in one frame, shape (S * size, S * size, 3)."""
    size = frame_size * SUPERSAMPLING
    margin = (scene.background.shape[0] - size) // 2
    # The camera moves the background just as it moves the face.
    x, y = np.clip(margin - np.rint(scene.camera[frame] * SUPERSAMPLING), 0, 2 * margin).astype(int)
    return scene.background[y : y + size, x : x + size].copy()


def expose(image: ByteArray, scene: Scene, frame: int) -> ByteArray:
    """Lights one finished drawing and gives it the camera's softness and noise.

    Args:
        image: The RGB drawing, shape (frame_size, frame_size, 3).
        scene: The clip's surroundings.
        frame: The number of the frame.
    """
    lit = cv2.multiply(image, scene.light_map, scale=float(scene.exposure[frame]), dtype=cv2.CV_8U)
    if scene.blur_sigma:
        lit = cv2.GaussianBlur(lit, (0, 0), scene.blur_sigma)
    return np.asarray(lit, dtype=np.uint8)
