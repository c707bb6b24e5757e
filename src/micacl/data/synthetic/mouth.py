"""Draws lips, teeth and tongue: action units 9, 12, 15, 16, 20, 23, 25 and 26."""

from collections.abc import Mapping

import numpy as np

from micacl.data.synthetic.canvas import Canvas, Color, FloatArray, curve, mix
from micacl.data.synthetic.subject import Subject

CAVITY: Color = (58, 22, 24)
TEETH: Color = (242, 238, 228)
TONGUE: Color = (186, 88, 88)
LIP_TINT: Color = (176, 62, 66)

# How far a fully dropped jaw moves the lower lip and the chin, in face units.
JAW_DROP = 0.23
# Lips that open less than this show no cavity, only a darker line.
CLOSED_OPENING = 0.012


def draw_mouth(canvas: Canvas, subject: Subject, units: Mapping[int, float]) -> None:
    """Draws the mouth.

    Args:
        canvas: The canvas to draw on.
        subject: The person's traits.
        units: The intensity of each action unit, by its FACS number: 0 at rest, about 1 at a full apex (strong ones
            reach 1.5).
    """
    smile, sad, stretch, tight = units[12], units[15], units[20], units[23]
    jaw, depress, sneer = units[26], units[16], units[9]
    y = subject.mouth_y
    width = (
        subject.mouth_width + 0.13 * smile + 0.02 * sad + 0.11 * stretch - 0.085 * tight - 0.05 * jaw * (1 - stretch)
    )
    corner_y = y + subject.mouth_corner - 0.17 * smile + 0.15 * sad + 0.035 * stretch + 0.35 * JAW_DROP * jaw

    upper_inner = y - 0.03 * sneer - 0.015 * smile - 0.02 * sad - 0.02 * jaw
    # AU 25 itself, the jaw, or a lower lip that is drawn down part the lips.
    opening = 0.05 * units[25] + JAW_DROP * jaw + 0.05 * depress
    lower_inner = upper_inner + opening
    thin = (1 - 0.7 * tight) * (1 - 0.3 * stretch) * (1 - 0.2 * smile)
    upper_lip = subject.upper_lip * thin
    lower_lip = subject.lower_lip * thin * (1 + 0.25 * depress)

    # The lines between the lips bend towards the corners; more so the further the corners have moved.
    bend = 0.3 * (corner_y - y)
    lower_bend = bend - 0.18 * opening
    upper_line = _lip_line(width, corner_y, 0.5, upper_inner, bend)
    lower_line = _lip_line(width, corner_y, 0.5, lower_inner, lower_bend)
    bottom = lower_inner + lower_lip
    lower_outline = _lip_line(width, corner_y, 0.55, bottom, lower_bend - 0.25 * lower_lip)
    cupid = upper_inner - upper_lip
    upper_outline = curve(
        [
            (-width, corner_y),
            (-0.5 * width, cupid + 0.3 * upper_lip + 0.8 * bend),
            (-0.17 * width, cupid - 0.1 * upper_lip),
            (0, cupid + 0.12 * upper_lip),
            (0.17 * width, cupid - 0.1 * upper_lip),
            (0.5 * width, cupid + 0.3 * upper_lip + 0.8 * bend),
            (width, corner_y),
        ]
    )

    lip = mix(subject.skin, LIP_TINT, 0.5)
    if opening > CLOSED_OPENING:
        canvas.fill(np.vstack([upper_line, lower_line[::-1]]), CAVITY)
        _draw_teeth_and_tongue(canvas, upper_line, lower_line, depress)
    canvas.fill(np.vstack([upper_outline, upper_line[::-1]]), mix(lip, (70, 20, 24), 0.18))
    canvas.fill(np.vstack([lower_line, lower_outline[::-1]]), lip)
    if opening <= CLOSED_OPENING:
        canvas.line(upper_line, mix(lip, CAVITY, 0.75), 0.02)
    _shade_mouth(canvas, subject, units, width, corner_y, bottom)


def _lip_line(width: float, corner_y: float, side: float, middle_y: float, bend: float) -> FloatArray:
    """Computes a curve from corner to corner that lies `bend` lower at the share `side` of the half-width."""
    x, y = side * width, middle_y + bend
    return curve([(-width, corner_y), (-x, y), (0, middle_y), (x, y), (width, corner_y)])


def _draw_teeth_and_tongue(canvas: Canvas, upper_line: FloatArray, lower_line: FloatArray, depress: float) -> None:
    """Draws the upper teeth under the upper lip, and lower teeth and the tongue if the mouth shows them."""
    # The lips meet at the corners and leave no room there.
    gap = np.clip(lower_line - upper_line, 0, None) * (0, 1)
    opening = float(gap.max())
    if opening > 0.1 and depress < 0.1:
        canvas.fill(np.vstack([lower_line - 0.38 * gap, lower_line[::-1]])[3:-3], TONGUE)
    canvas.fill(np.vstack([upper_line, (upper_line + np.minimum(0.6 * gap, 0.06))[::-1]]), TEETH)
    if depress > 0.1:
        canvas.fill(np.vstack([lower_line - np.minimum(0.4 * gap, 0.035), lower_line[::-1]]), mix(TEETH, CAVITY, 0.12))


def _shade_mouth(
    canvas: Canvas, subject: Subject, units: Mapping[int, float], width: float, corner_y: float, bottom: float
) -> None:
    """Draws folds from the nose to the mouth, at its corners and under the lower lip."""
    smile, sad, sneer = units[12], units[15], units[9]
    nose = (subject.nose_width + 0.03, subject.nose_y - 0.05 - 0.05 * sneer)
    for side in (-1, 1):
        middle = (0.5 * (nose[0] + width) + 0.06 + 0.05 * smile, 0.5 * (nose[1] + corner_y) - 0.03)
        fold = curve(
            [(side * nose[0], nose[1]), (side * middle[0], middle[1]), (side * (width + 0.07), corner_y - 0.02)]
        )
        darkness = 5 + 16 * subject.creases + 28 * smile + 42 * sneer + 12 * units[20]
        canvas.fold(fold, darkness, 0.035)
        corner = [(side * (width + 0.02), corner_y - 0.01), (side * (width + 0.06), corner_y + 0.1)]
        canvas.fold(corner, 5 * subject.creases + 34 * sad + 16 * units[23], 0.035)
    under = curve([(-0.5 * width, bottom + 0.035), (0, bottom + 0.05), (0.5 * width, bottom + 0.035)])
    canvas.fold(under, 18 + 16 * units[23] + 10 * sad, 0.05)
