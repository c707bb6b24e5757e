"""Disturbs a clip: objects in front of the face, lost and noisy frames, sensor noise."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from micacl.data.synthetic import nuisance
from micacl.data.synthetic.canvas import ByteArray, Color, FloatArray, curve, ellipse_points
from micacl.data.synthetic.subject import SKIN_COLORS

OCCLUDERS = ("hand", "microphone", "box", "letterbox")
NOISE_FRAMES = ("black", "static", "smeared", "frozen")


@dataclass(frozen=True)
class Occlusion:
    """An object in front of the face.

    Attributes:
        kind: The kind of object, one of `OCCLUDERS`.
        first: The first frame that shows the object.
        last: The last frame that shows the object.
        place: The object's place at rest as a share of the frame, (x, y).
        side: The side from which the object comes; -1 is the image's left.
        color: The object's colour.
    """

    kind: str
    first: int
    last: int
    place: tuple[float, float]
    side: int
    color: Color

    def draw(self, image: ByteArray, frame: int) -> None:
        """Draws the object over a picture of shape (S * size, S * size, 3), if it is visible in that frame."""
        if not self.first <= frame <= self.last:
            return
        size = image.shape[0]
        if self.kind == "letterbox":
            bar = round(0.11 * size)
            image[:bar] = image[-bar:] = 0
            return
        # It takes a few frames to come in from its side, and a few to leave the same way.
        away = max(0.0, 1.0 - min(frame - self.first, self.last - frame) / 4)
        origin = np.array([self.place[0] + 0.5 * away * self.side, self.place[1] + 0.2 * away])
        for outline, share in _OCCLUDER_PARTS[self.kind](self.side):
            points = np.rint((outline + origin) * size * 16).astype(np.int32)
            color = tuple(round(value * share) for value in self.color)
            cv2.fillPoly(image, [points], color, cv2.LINE_AA, 4)


def _box(side: int) -> list[tuple[FloatArray, float]]:
    corners = np.array([(-0.15, -0.13), (0.15, -0.16), (0.16, 0.13), (-0.14, 0.15)])
    return [(corners, 1.0), (corners * (0.8, 0.12) + (0.0, 0.05 * side), 0.6)]


def _microphone(side: int) -> list[tuple[FloatArray, float]]:
    circle = ellipse_points((0.0, 0.0), (1.0, 1.0))
    handle = np.array([(-0.035, 0.05), (0.035, 0.05), (0.03 + 0.12 * side, 0.6), (-0.03 + 0.12 * side, 0.6)])
    return [(handle, 0.55), (circle * 0.085, 0.8), (circle * 0.06 - 0.008, 1.0)]


def _hand(side: int) -> list[tuple[FloatArray, float]]:
    """Outlines a hand and forearm that come from the side, with the fingers towards the face."""
    mirror = np.array([-side, 1.0])
    arm = np.array([(-0.7, 0.3), (-0.1, -0.02), (-0.05, 0.16), (-0.6, 0.5)]) * mirror
    palm = curve([(-0.14, -0.02), (-0.02, -0.09), (0.05, 0.0), (0.03, 0.1), (-0.08, 0.14)], closed=True) * mirror
    parts = [(arm, 0.93), (palm, 0.97)]
    for height in (-0.07, -0.02, 0.03, 0.08):
        reach = 0.16 - abs(height)
        finger = curve(
            [(-0.02, height - 0.024), (reach, height - 0.02), (reach, height + 0.02), (-0.02, height + 0.026)], True
        )
        parts += [(finger * 1.08 * mirror, 0.75), (finger * mirror, 1.0)]
    return parts


_OCCLUDER_PARTS: dict[str, Callable[[int], list[tuple[FloatArray, float]]]] = {
    "box": _box,
    "microphone": _microphone,
    "hand": _hand,
}


def sample_occlusion(num_frames: int, rng: np.random.Generator) -> Occlusion | None:
    """Samples the object that covers the face in one clip; most clips have none.

    Args:
        num_frames: The number of frames of the clip.
        rng: The source of randomness.
    """
    if rng.random() >= nuisance.OCCLUSION_PROBABILITY:
        return None
    kind = str(rng.choice(OCCLUDERS))
    side = int(rng.choice((-1, 1)))
    duration = round(rng.uniform(*nuisance.OCCLUSION_SHARE) * num_frames)
    first = int(rng.integers(0, num_frames - duration + 1))
    if kind == "letterbox":
        first, duration = 0, num_frames
    color = SKIN_COLORS[int(rng.integers(len(SKIN_COLORS)))]
    if kind == "microphone":
        color = (70, 70, 74)
    elif kind == "box":
        red, green, blue = (int(value) for value in rng.integers(40, 220, 3))
        color = (red, green, blue)
    # A microphone is in front of the chin, a hand or a box at the edge of the face.
    x = 0.5 + side * (rng.uniform(0.0, 0.12) if kind == "microphone" else rng.uniform(0.22, 0.34))
    y = rng.uniform(0.84, 0.92) if kind == "microphone" else rng.uniform(0.3, 0.8)
    return Occlusion(kind, first, first + duration - 1, (x, y), side, color)


def spoil_frames(frames: ByteArray, rng: np.random.Generator) -> None:
    """Spoils some frames of some clips in place.

    Args:
        frames: The RGB frames, shape (T, H, W, 3).
        rng: The source of randomness.
    """
    if rng.random() >= nuisance.NOISE_FRAME_PROBABILITY:
        return
    num_frames, height = frames.shape[:2]
    number = max(1, round(rng.uniform(*nuisance.NOISE_FRAME_SHARE) * num_frames))
    for frame in rng.choice(num_frames, number, replace=False):
        kind = rng.choice(NOISE_FRAMES)
        if kind == "black":
            frames[frame] = 0
        elif kind == "static":
            frames[frame] = rng.integers(0, 256, frames[frame].shape, dtype=np.uint8)
        elif kind == "smeared":
            frames[frame] = cv2.GaussianBlur(frames[frame], (0, 0), height / 12)
        else:
            frames[frame] = frames[max(frame - 1, 0)]


def add_sensor_noise(frames: ByteArray, strength: float, rng: np.random.Generator) -> None:
    """Adds grain in place.

    Args:
        frames: The RGB frames, shape (T, H, W, 3).
        strength: The standard deviation of the grain in grey levels.
        rng: The source of randomness.
    """
    _, height, width, _ = frames.shape
    # Each frame takes another part of one large patch of grain: it looks like fresh noise, and is faster.
    patch = rng.normal(0, strength, (height + 32, width + 32, 3)).astype(np.int16)
    for frame in frames:
        y, x = rng.integers(0, 33, 2)
        cv2.add(frame, patch[y : y + height, x : x + width], dst=frame, dtype=cv2.CV_8U)
