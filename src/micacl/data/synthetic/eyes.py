"""Draws eyes, lids and brows: action units 1, 2, 4, 5, 6, 7, 9 and 45."""

from collections.abc import Mapping

import numpy as np

from micacl.data.synthetic.canvas import Canvas, Color, FloatArray, curve, mix
from micacl.data.synthetic.subject import Subject

SCLERA: Color = (240, 238, 234)
PUPIL: Color = (16, 13, 14)
LASHES: Color = (34, 24, 22)

# Half-openings of a relaxed eye above and below its middle line, in face units.
UPPER_OPENING = 0.085
LOWER_OPENING = 0.062
IRIS_RADIUS = 0.088
# Skin drawn this far above and below an eye hides the part of the iris under the lids.
LID_COVER = 0.17

# Positions along an eye from its inner (-1) to its outer corner (1).
_ALONG = np.linspace(-1.0, 1.0, 13)
_ARC = (1.0 - _ALONG**2) ** 0.75


def draw_eyes(canvas: Canvas, subject: Subject, units: Mapping[int, float], gaze: tuple[float, float]) -> None:
    """Draws both eyes with their lids.

    Args:
        canvas: The canvas to draw on.
        subject: The person's traits.
        units: The intensity of each action unit, by its FACS number: 0 at rest, about 1 at a full apex (strong ones
            reach 1.5).
        gaze: The shift of the irises, in face units.
    """
    upper = UPPER_OPENING * subject.eye_opening * (1 + 0.85 * units[5] - 0.3 * units[7] - 0.15 * units[6])
    upper *= 1 - 0.3 * units[9]
    lower = (
        LOWER_OPENING * subject.eye_opening * (1 - 0.75 * units[7] - 0.75 * units[6] - 0.5 * units[9] + 0.1 * units[5])
    )
    # A blink brings the upper lid down to just above the resting lower one.
    upper += (-0.8 * lower - upper) * units[45]
    for side in (-1, 1):
        _draw_eye(canvas, subject, side, upper, lower, gaze)
        _shade_lids(canvas, subject, side, units)


def _lid(subject: Subject, side: int, opening: float, stretch: float = 1.0) -> FloatArray:
    """Computes the line of a lid: above the eye's middle line for positive openings, below it for negative ones."""
    x = side * (subject.eye_x + _ALONG * subject.eye_width * stretch)
    y = subject.eye_y - subject.eye_tilt * _ALONG - opening * _ARC
    return np.stack([x, y], axis=1)


def _draw_eye(
    canvas: Canvas, subject: Subject, side: int, upper: float, lower: float, gaze: tuple[float, float]
) -> None:
    upper_lid, lower_lid = _lid(subject, side, upper), _lid(subject, side, -lower)
    canvas.fill(np.vstack([upper_lid, lower_lid[::-1]]), SCLERA)
    center = (side * subject.eye_x + gaze[0], subject.eye_y - 0.012 + gaze[1])
    canvas.ellipse(center, (IRIS_RADIUS, IRIS_RADIUS), mix(subject.iris, PUPIL, 0.45))
    canvas.ellipse(center, (0.8 * IRIS_RADIUS, 0.8 * IRIS_RADIUS), subject.iris)
    canvas.ellipse(center, (0.42 * IRIS_RADIUS, 0.42 * IRIS_RADIUS), PUPIL)
    canvas.ellipse((center[0] - 0.03, center[1] - 0.032), (0.021, 0.021), (250, 250, 250))

    lid_skin = mix(subject.skin, (120, 60, 50), 0.12)
    cover = _lid(subject, side, upper + LID_COVER, 0.98)
    canvas.fill(np.vstack([upper_lid, cover[::-1]]), lid_skin)
    cover = _lid(subject, side, -lower - LID_COVER, 0.98)
    canvas.fill(np.vstack([lower_lid, cover[::-1]]), subject.skin)

    canvas.line(upper_lid, mix(LASHES, subject.skin, 0.08), 0.03)
    canvas.line(lower_lid, mix(subject.skin, LASHES, 0.4), 0.014)
    # The crease of the upper lid runs parallel to it.
    crease = _lid(subject, side, upper + 0.055, 0.95)
    canvas.line(crease[2:-1], mix(subject.skin, LASHES, 0.32), 0.013)


def _shade_lids(canvas: Canvas, subject: Subject, side: int, units: Mapping[int, float]) -> None:
    """Draws bags under the eyes and crow's feet."""
    tight = max(units[6], 0.8 * units[7], 0.5 * units[9])
    bag = _lid(subject, side, -0.1 + 0.02 * tight)
    canvas.fold(bag[2:-2], 10 + 10 * subject.creases + 30 * tight, 0.03)
    corner_x, corner_y = subject.eye_x + subject.eye_width, subject.eye_y - subject.eye_tilt
    for rise in (-0.06, 0.01, 0.08):
        foot = [
            (side * (corner_x + 0.04), corner_y + 0.3 * rise + 0.01),
            (side * (corner_x + 0.13), corner_y + 1.2 * rise),
        ]
        canvas.fold(foot, 8 * subject.creases + 42 * units[6], 0.022)


def draw_brows(canvas: Canvas, subject: Subject, units: Mapping[int, float]) -> None:
    """Draws both brows and the wrinkles that their movements press into the forehead.

    Args:
        canvas: The canvas to draw on.
        subject: The person's traits.
        units: The intensity of each action unit, by its FACS number: 0 at rest, about 1 at a full apex (strong ones
            reach 1.5).
    """
    raise_inner, raise_outer, lower = units[1], units[2], units[4]
    # The lowerer alone pulls the inner ends down; with the inner raiser, they go together and up: oblique brows.
    down = lower * (1 - 0.7 * raise_inner)
    wrinkle = units[9]
    y = subject.eye_y - subject.brow_gap
    inner = (
        0.13 - 0.045 * lower - 0.02 * wrinkle,
        y + 0.4 * subject.brow_slant - 0.16 * raise_inner + 0.14 * down + 0.075 * wrinkle,
    )
    middle = (
        0.34 - 0.01 * lower,
        y - subject.brow_arch - 0.06 * raise_inner - 0.11 * raise_outer + 0.075 * down + 0.03 * wrinkle,
    )
    outer = (0.56, y + 0.02 - subject.brow_slant - 0.13 * raise_outer + 0.02 * down + 0.015 * lower)
    thickness = subject.brow_thickness
    color = mix(subject.hair, (30, 22, 20), 0.35)
    for side in (-1, 1):
        top = curve(
            [
                (side * inner[0], inner[1] - 0.45 * thickness),
                (side * middle[0], middle[1] - 0.5 * thickness),
                (side * outer[0], outer[1] - 0.1 * thickness),
            ]
        )
        bottom = curve(
            [
                (side * inner[0], inner[1] + 0.55 * thickness),
                (side * middle[0], middle[1] + 0.4 * thickness),
                (side * outer[0], outer[1] + 0.1 * thickness),
            ]
        )
        canvas.fill(np.vstack([top, bottom[::-1]]), color)
        # Frown lines stand between the brows.
        frown_x = side * (0.055 - 0.015 * lower)
        frown = [(frown_x, y - 0.03 + 0.04 * lower), (frown_x * 1.2, y + 0.12 + 0.04 * lower)]
        canvas.fold(frown, 8 * subject.creases + 45 * lower + 20 * wrinkle, 0.025)
    _wrinkle_forehead(canvas, subject, raise_inner, raise_outer)


def _wrinkle_forehead(canvas: Canvas, subject: Subject, raise_inner: float, raise_outer: float) -> None:
    """Draws horizontal lines: across the forehead if the whole brow goes up, short ones if only the inner ends do."""
    darkness = 6 * subject.creases + 32 * max(raise_inner, raise_outer)
    half_width = 0.2 + 0.3 * raise_outer
    y = subject.eye_y - subject.brow_gap
    for height in (-0.22, -0.32):
        bow = 0.02 - 0.03 * raise_inner
        line = curve([(-half_width, y + height + bow), (0, y + height), (half_width, y + height + bow)])
        canvas.fold(line, darkness, 0.028)
