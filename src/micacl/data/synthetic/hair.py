"""Draws hair behind the head, hair over the forehead, and beards."""

from collections.abc import Sequence

import numpy as np

from micacl.data.synthetic.canvas import BLACK, Canvas, curve, mix
from micacl.data.synthetic.subject import Subject


def draw_back_hair(canvas: Canvas, subject: Subject) -> None:
    """Draws the hair behind the face.

    Args:
        canvas: The canvas to draw on, before the face is drawn.
        subject: The person's traits.
    """
    width = subject.face_width
    color = mix(subject.hair, BLACK, 0.2)
    if subject.hair_style in ("long", "fringe"):
        half = [(width + 0.02, 1.45), (width + 0.16, 0.7), (width + 0.17, -0.1), (width + 0.05, -0.75)]
        canvas.fill(curve(_across(half, -1.24)), color)
    elif subject.hair_style == "curly":
        for angle in np.linspace(-0.15 * np.pi, 1.15 * np.pi, 13):
            lock = (float((width + 0.07) * np.cos(angle)), float(-0.42 - 0.68 * np.sin(angle)))
            canvas.ellipse(lock, (0.23, 0.23), subject.hair)
    elif subject.hair_style != "bald":
        half = [(width + 0.03, 0.0), (width + 0.04, -0.6), (0.5, -1.13)]
        canvas.fill(curve(_across(half, -1.22)), color)


def draw_front_hair(canvas: Canvas, subject: Subject) -> None:
    """Draws the hair over the forehead, between the crown and the hairline.

    Args:
        canvas: The canvas to draw on, after the face is drawn.
        subject: The person's traits.
    """
    if subject.hair_style == "bald":
        return
    width = subject.face_width
    hairline = _hairline(subject.hair_style, width)
    first_x, first_y = hairline[0]
    crown = _across([(first_x + 0.05, first_y), (width + 0.03, -0.62), (0.52, -1.12)], -1.23)
    canvas.fill(np.vstack([curve(crown[::-1]), curve(hairline)]), subject.hair)
    if subject.hair_style == "curly":
        for x, y in hairline[1:-1]:
            canvas.ellipse((x, y - 0.08), (0.16, 0.13), subject.hair)


def _across(half: Sequence[tuple[float, float]], middle_y: float) -> list[tuple[float, float]]:
    """Returns points from the image's right over the middle line to the same points mirrored."""
    return [*half, (0.0, middle_y), *[(-x, y) for x, y in reversed(half)]]


def _hairline(style: str, width: float) -> list[tuple[float, float]]:
    """Returns the control points of the hairline, from the image's right to its left, for a face of that half-width."""
    if style == "short":
        return _across([(0.9 * width, -0.5), (0.6, -0.72), (0.25, -0.78)], -0.77)
    if style == "long":
        return _across([(0.96 * width, 0.1), (0.82 * width, -0.35), (0.35, -0.74)], -0.95)
    if style == "fringe":
        return _across([(0.98 * width, 0.0), (0.86 * width, -0.44), (0.4, -0.56)], -0.58)
    if style == "curly":
        return _across([(0.92 * width, -0.45), (0.6, -0.68), (0.3, -0.76)], -0.72)
    parting = [(0.92 * width, -0.42), (0.66, -0.66), (0.42, -0.88), (0.1, -0.74), (-0.3, -0.64)]
    return [*parting, (-0.7, -0.5), (-0.95 * width, -0.3)]


def draw_beard(canvas: Canvas, subject: Subject, drop: float) -> None:
    """Draws a short beard on jaw, chin and upper lip.

    Args:
        canvas: The canvas to draw on.
        subject: The person's traits.
        drop: The distance by which the jaw has dropped, in face units.
    """
    cheek = np.array([(0.28, 0.45), (0.42, 0.58), (0.62, 0.53), (0.88 * subject.face_width, 0.14)])
    outer = [
        (0.98 * subject.face_width, 0.16),
        (subject.jaw_width, 0.64 + 0.4 * drop),
        (subject.chin_width, 0.92 + 0.7 * drop),
        (0, 1.02 + 0.75 * drop),
        (-subject.chin_width, 0.92 + 0.7 * drop),
        (-subject.jaw_width, 0.64 + 0.4 * drop),
        (-0.98 * subject.face_width, 0.16),
    ]
    # The beard is thin at its upper edge, then full.
    for lower, density in ((-0.05, 0.16), (-0.02, 0.3), (0.01, 0.44)):
        edge = cheek + np.array([0.0, lower])
        inner = np.vstack([edge[::-1] * (-1, 1), [(0, 0.42 + 0.5 * lower)], edge])
        canvas.fill(curve(np.vstack([inner, outer]), closed=True), mix(subject.skin, subject.hair, density))
