"""Draws a whole head: neck, ears, skin, nose and glasses; hair, eyes and mouth have their own modules."""

from collections.abc import Mapping

import numpy as np

from micacl.data.synthetic.canvas import BLACK, Canvas, Color, FloatArray, curve, ellipse_points, mix
from micacl.data.synthetic.eyes import draw_brows, draw_eyes
from micacl.data.synthetic.hair import draw_back_hair, draw_beard, draw_front_hair
from micacl.data.synthetic.mouth import JAW_DROP, draw_mouth
from micacl.data.synthetic.subject import Subject

BLOOD: Color = (150, 52, 40)


def draw_face(
    canvas: Canvas, subject: Subject, units: Mapping[int, float], gaze: tuple[float, float], light: tuple[float, float]
) -> None:
    """Draws one person's head and shoulders.

    Args:
        canvas: The canvas to draw on, with its pose set.
        subject: The person's traits.
        units: The intensity of each action unit, by its FACS number: 0 at rest, about 1 at a full apex (strong ones
            reach 1.5).
        gaze: The shift of the irises, in face units.
        light: The direction of the light, as a shift of the lit part of the face in face units.
    """
    outline = _outline(subject, units[26])
    draw_back_hair(canvas, subject)
    _draw_body(canvas, subject)
    canvas.fill(outline, subject.skin)
    if subject.beard:
        draw_beard(canvas, subject, JAW_DROP * units[26])
    canvas.shade(outline, -26)
    canvas.shade(outline * (0.84, 0.88) + light, 5)
    canvas.soften(0.09)
    _shade_face(canvas, subject, units)
    _draw_nose(canvas, subject, units)
    draw_mouth(canvas, subject, units)
    draw_eyes(canvas, subject, units, gaze)
    draw_brows(canvas, subject, units)
    canvas.soften(0.016)
    draw_front_hair(canvas, subject)
    if subject.glasses:
        _draw_glasses(canvas, subject)


def _outline(subject: Subject, jaw: float) -> FloatArray:
    """Computes the outline of the face, shape (N, 2); the part below the nose goes down with the jaw."""
    half = [
        (0.45, -0.97),
        (0.93 * subject.face_width, -0.58),
        (subject.face_width, -0.12),
        (0.96 * subject.face_width, 0.28),
        (subject.jaw_width, 0.64),
        (subject.chin_width, 0.92),
    ]
    points = np.array([(0, -1.08), *half, (0, 1.0), *[(-x, y) for x, y in reversed(half)]])
    points[:, 1] += 0.75 * JAW_DROP * jaw * np.clip((points[:, 1] - 0.3) / 0.7, 0, 1)
    return curve(points, closed=True)


def _draw_body(canvas: Canvas, subject: Subject) -> None:
    neck = 0.62 * subject.face_width
    shadow = mix(subject.skin, BLOOD, 0.22)
    canvas.fill([(-neck, 0.4), (neck, 0.4), (neck + 0.05, 1.6), (-neck - 0.05, 1.6)], mix(shadow, BLACK, 0.15))
    shoulders = [(-1.7, 1.75), (-1.1, 1.34), (-neck, 1.2), (0, 1.34), (neck, 1.2), (1.1, 1.34), (1.7, 1.75)]
    canvas.fill(np.vstack([curve(shoulders), [(1.7, 2.6), (-1.7, 2.6)]]), subject.cloth)
    for side in (-1, 1):
        ear = (side * (subject.face_width + 0.02), 0.02)
        canvas.ellipse(ear, (0.1, 0.2), mix(subject.skin, BLOOD, 0.12))
        canvas.ellipse((ear[0] + 0.02 * side, ear[1]), (0.05, 0.12), mix(subject.skin, BLOOD, 0.28))


def _shade_face(canvas: Canvas, subject: Subject, units: Mapping[int, float]) -> None:
    """Shades eye sockets, cheeks and the bridge of the nose; a raised cheek is a brighter, higher ball."""
    cheek = max(units[6], 0.5 * units[12], 0.6 * units[9])
    for side in (-1, 1):
        socket = curve(
            [
                (side * 0.12, subject.eye_y - 0.12),
                (side * subject.eye_x, subject.eye_y - 0.19),
                (side * 0.56, subject.eye_y - 0.06),
                (side * 0.34, subject.eye_y + 0.12),
            ],
            closed=True,
        )
        canvas.shade(socket, -7)
        middle = (side * 0.42, 0.3 - 0.07 * cheek)
        canvas.shade(ellipse_points(middle, (0.2, 0.13)), 8 + 14 * cheek)
        bridge = [(side * 0.05, subject.eye_y - 0.08), (side * 0.075, subject.nose_y - 0.12)]
        canvas.fold(bridge, 12, 0.05)
    canvas.shade(np.array([(-0.035, subject.eye_y), (0.035, subject.eye_y), (0.05, 0.2), (-0.05, 0.2)]), 13)
    canvas.soften(0.045)


def _draw_nose(canvas: Canvas, subject: Subject, units: Mapping[int, float]) -> None:
    wrinkle = units[9]
    y = subject.nose_y - 0.055 * wrinkle
    width = subject.nose_width * (1 + 0.16 * wrinkle + 0.08 * units[12])
    dark = mix(subject.skin, (70, 26, 22), 0.5)
    for side in (-1, 1):
        canvas.ellipse((side * 0.5 * width, y), (0.04, 0.022 + 0.006 * wrinkle), mix(dark, BLACK, 0.45))
        wing = curve(
            [
                (side * 0.75 * width, y - 0.13),
                (side * 1.02 * width, y - 0.05),
                (side * 0.95 * width, y + 0.01),
                (side * 0.7 * width, y + 0.01),
            ]
        )
        canvas.line(wing, dark, 0.016 + 0.008 * wrinkle)
    canvas.fold(curve([(-0.4 * width, y + 0.03), (0, y + 0.05), (0.4 * width, y + 0.03)]), 14, 0.03)
    # AU 9 is the only unit that presses lines across the bridge.
    for height in (0.0, 0.075, 0.15):
        top = subject.eye_y + height
        for side in (-1, 1):
            canvas.fold([(side * 0.02, top), (side * 0.12, top - 0.045)], 52 * wrinkle, 0.026)


def _draw_glasses(canvas: Canvas, subject: Subject) -> None:
    y = subject.eye_y + 0.02
    bridge = subject.eye_x - 0.235
    for side in (-1, 1):
        x = side * subject.eye_x
        lens = [(x - 0.24, y - 0.16), (x + 0.24, y - 0.16), (x + 0.22, y + 0.15), (x, y + 0.19), (x - 0.22, y + 0.15)]
        canvas.line(curve(lens, closed=True), BLACK, 0.026, closed=True)
        canvas.line([(x + side * 0.25, y - 0.08), (side * (subject.face_width + 0.01), y - 0.06)], BLACK, 0.024)
    canvas.line(curve([(-bridge, y - 0.06), (0, y - 0.09), (bridge, y - 0.06)]), BLACK, 0.024)
