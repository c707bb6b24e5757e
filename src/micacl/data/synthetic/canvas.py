"""Draws smooth shapes given in face units, in two separate layers for colour and relief.

Face units: the origin is the middle of the face, x to the image's right, y down, chin at y = 1, hairline near y = -1.
"""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

Color = tuple[int, int, int]
FloatArray = npt.NDArray[np.float64]
ByteArray = npt.NDArray[np.uint8]
Points = FloatArray | Sequence[tuple[float, float]]

# Glasses, and the dark side of skin and hair.
BLACK: Color = (20, 18, 18)

# Colours are drawn at twice the frame's size and averaged down; with anti-aliasing this avoids visible steps.
SUPERSAMPLING = 2
# The grey of the relief that neither lightens nor darkens.
FLAT = 128

# The gain of red, green and blue for each grey of the relief, shape (1, 256, 3): shadows on skin are reddish.
_GRAYS = np.arange(256)[:, None]
_GAINS = FLAT + (_GRAYS - FLAT) * np.where(_GRAYS < FLAT, (0.7, 1.0, 1.0), 1.0)
_SHADOW_COLOR = np.rint(_GAINS).astype(np.uint8)[None]

# Fractional bits of pixel coordinates; without them small movements would jump from pixel to pixel.
_SHIFT = 4
_CURVE_STEPS = 5

# The head is an ellipsoid; these are its half-axes in face units. Points near the middle move most when it turns.
_INVERSE_SQUARED_HEAD_AXES = np.array([[0.9], [1.2]]) ** -2
_HEAD_DEPTH = 0.7


@cache
def _curve_weights(num_points: int, closed: bool) -> FloatArray:
    """Computes the matrix from control points to points on their Catmull-Rom curve."""
    t = np.arange(_CURVE_STEPS) / _CURVE_STEPS
    blend = 0.5 * np.stack(
        [-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], axis=1
    )
    num_segments = num_points if closed else num_points - 1
    weights = np.zeros((num_segments * _CURVE_STEPS, num_points))
    for segment in range(num_segments):
        rows = slice(segment * _CURVE_STEPS, (segment + 1) * _CURVE_STEPS)
        for column, offset in enumerate((-1, 0, 1, 2)):
            point = segment + offset
            point = point % num_points if closed else min(max(point, 0), num_points - 1)
            weights[rows, point] += blend[:, column]
    if closed:
        return weights
    return np.vstack([weights, np.eye(num_points)[-1:]])


def curve(points: Points, closed: bool = False) -> FloatArray:
    """Computes a smooth curve through control points.

    Args:
        points: The control points, shape (N, 2), N at least 2.
        closed: Whether the last point joins the first.

    Returns:
        Points on the curve, shape (M, 2).
    """
    control = np.asarray(points, dtype=np.float64)
    return _curve_weights(len(control), closed) @ control


class Canvas:
    """One unfinished frame: colours at `SUPERSAMPLING` times its size, relief (light and shadow) at its size.

    Args:
        background: The RGB image to draw over, shape (S * size, S * size, 3) with S the supersampling.
        pixels_per_unit: The length of one face unit in pixels of the finished frame.
    """

    def __init__(self, background: ByteArray, pixels_per_unit: float) -> None:
        self.color = background
        self.size = background.shape[0] // SUPERSAMPLING
        self.relief = np.full((self.size, self.size), FLAT, dtype=np.uint8)
        self.pixels_per_unit = pixels_per_unit
        self.set_pose(yaw=0.0, pitch=0.0, roll=0.0, scale=1.0, shift=(0.0, 0.0))

    def set_pose(self, yaw: float, pitch: float, roll: float, scale: float, shift: tuple[float, float]) -> None:
        """Places the head.

        Args:
            yaw: The turn to the image's right in radians.
            pitch: The nod downwards in radians.
            roll: The tilt in radians, clockwise in the image.
            scale: The size relative to the usual head.
            shift: The shift of the head's middle, in face units of the usual head.
        """
        cos, sin = np.cos(roll) * scale, np.sin(roll) * scale
        to_pixels = np.array([[cos, sin], [-sin, cos]]) * self.pixels_per_unit
        origin = self.size / 2 + np.array(shift) * self.pixels_per_unit
        turn = _HEAD_DEPTH * np.array([np.sin(yaw), np.sin(pitch)])
        # For each supersampling: the contributions of a point, its depth and the origin to fixed-point pixels. Pixel
        # centres lie at whole numbers in OpenCV, at halves here.
        self._projections = {
            factor: (
                to_pixels * (factor << _SHIFT),
                turn @ to_pixels * (factor << _SHIFT),
                (origin * factor - 0.5) * (1 << _SHIFT),
            )
            for factor in (1, SUPERSAMPLING)
        }

    def _to_fixed(self, points: Points, supersampling: int) -> npt.NDArray[np.int32]:
        """Converts face units to fixed-point pixels."""
        flat = np.asarray(points, dtype=np.float64)
        to_pixels, turn, origin = self._projections[supersampling]
        depth = np.sqrt(np.maximum(1.0 - (flat * flat) @ _INVERSE_SQUARED_HEAD_AXES, 0.0))
        return np.rint(flat @ to_pixels + depth * turn + origin).astype(np.int32)

    def fill(self, points: Points, color: Color) -> None:
        """Fills a polygon of shape (N, 2)."""
        cv2.fillPoly(self.color, [self._to_fixed(points, SUPERSAMPLING)], color, cv2.LINE_AA, _SHIFT)

    def line(self, points: Points, color: Color, width: float, closed: bool = False) -> None:
        """Draws a line of shape (N, 2); the width is in face units."""
        thickness = max(1, round(width * self.pixels_per_unit * SUPERSAMPLING))
        fixed = self._to_fixed(points, SUPERSAMPLING)
        cv2.polylines(self.color, [fixed], closed, color, thickness, cv2.LINE_AA, _SHIFT)

    def ellipse(self, center: tuple[float, float], axes: tuple[float, float], color: Color) -> None:
        """Fills an upright ellipse with the given half-axes."""
        self.fill(ellipse_points(center, axes), color)

    def shade(self, points: Points, level: float) -> None:
        """Lightens (level > 0) or darkens (level < 0) a polygon of shape (N, 2), in 1/128 of its brightness."""
        gray = min(max(round(FLAT + level), 0), 255)
        cv2.fillPoly(self.relief, [self._to_fixed(points, 1)], (gray,), cv2.LINE_AA, _SHIFT)

    def fold(self, points: Points, darkness: float, width: float) -> None:
        """Draws a crease of the skin along points of shape (N, 2); the darkness is in the units of `shade`'s level."""
        if darkness < 2.0:
            return
        thickness = max(1, round(width * self.pixels_per_unit))
        gray = max(round(FLAT - darkness), 0)
        cv2.polylines(self.relief, [self._to_fixed(points, 1)], False, (gray,), thickness, cv2.LINE_AA, _SHIFT)

    def soften(self, radius: float) -> None:
        """Blurs the relief drawn so far; the radius is in face units."""
        cv2.GaussianBlur(self.relief, (0, 0), radius * self.pixels_per_unit, dst=self.relief)

    def develop(self) -> ByteArray:
        """Returns the finished frame, RGB of shape (size, size, 3)."""
        small = cv2.resize(self.color, (self.size, self.size), interpolation=cv2.INTER_AREA)
        relief = cv2.LUT(cv2.cvtColor(self.relief, cv2.COLOR_GRAY2RGB), _SHADOW_COLOR)
        return np.asarray(cv2.multiply(small, relief, scale=1.0 / FLAT), dtype=np.uint8)


_CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 20, False)), np.sin(np.linspace(0, 2 * np.pi, 20, False))], axis=1)


def ellipse_points(center: tuple[float, float], axes: tuple[float, float]) -> FloatArray:
    """Computes the outline of an upright ellipse, shape (20, 2)."""
    return np.asarray(_CIRCLE * axes + center, dtype=np.float64)


def mix(first: Color, second: Color, share: float) -> Color:
    """Mixes two colours: the first at share 0, the second at share 1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue
