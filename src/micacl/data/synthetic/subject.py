"""Samples drawn persons: the shape of the face at rest, skin, hair, glasses.

Resting faces differ from each other as much as from a weak expression: low brows look angry, low mouth corners sad.
Only the change over a clip tells such a face from an expression.
"""

from dataclasses import dataclass

import numpy as np

from micacl.data.synthetic.canvas import Color

# Standard deviations of the features of resting faces, in face units. The action units move them by about 0.1.
REST_BROW_HEIGHT = 0.03
REST_BROW_SLANT = 0.022
REST_MOUTH_CORNER = 0.026
REST_EYE_OPENING = 0.1

SKIN_COLORS: tuple[Color, ...] = (
    (247, 216, 192),
    (238, 199, 170),
    (226, 181, 146),
    (206, 158, 120),
    (182, 132, 96),
    (148, 102, 72),
    (112, 75, 53),
    (86, 58, 43),
)
# The index of the first dark skin; dark skins have dark or grey hair and brown eyes.
FIRST_DARK_SKIN = 4
DARK_HAIR_COLORS: tuple[Color, ...] = ((24, 21, 21), (38, 28, 24), (58, 40, 30), (120, 118, 118))
LIGHT_HAIR_COLORS: tuple[Color, ...] = (
    (28, 24, 24),
    (46, 32, 26),
    (74, 48, 33),
    (110, 72, 44),
    (158, 112, 62),
    (206, 168, 104),
    (150, 72, 40),
    (128, 126, 126),
)
BROWN_IRIS_COLORS: tuple[Color, ...] = ((72, 46, 28), (96, 64, 36))
IRIS_COLORS: tuple[Color, ...] = ((72, 46, 28), (96, 64, 36), (74, 104, 60), (70, 110, 150), (100, 116, 126))
CLOTH_COLORS: tuple[Color, ...] = (
    (52, 62, 84),
    (120, 44, 48),
    (58, 92, 70),
    (196, 190, 180),
    (64, 64, 66),
    (150, 120, 70),
    (110, 86, 128),
)
HAIR_STYLES = ("short", "side_parting", "long", "fringe", "curly", "bald")
HAIR_STYLE_WEIGHTS = (0.26, 0.2, 0.2, 0.14, 0.14, 0.06)
GLASSES_PROBABILITY = 0.25
# The share of bearded people among those without long hair.
BEARD_PROBABILITY = 0.22


@dataclass(frozen=True)
class Subject:
    """The traits of one person. Lengths are in face units, see `canvas`.

    Attributes:
        face_width: Half the width at the cheekbones.
        jaw_width: Half the width at the jaw.
        chin_width: Half the width just above the chin.
        eye_x: Distance of an eye's middle from the face's middle line.
        eye_y: Height of the eyes.
        eye_width: Half the width of an eye.
        eye_opening: Opening of the lids; 1 is usual.
        eye_tilt: Height of the outer corner above the middle.
        brow_gap: Distance of the brow from the eye.
        brow_slant: Height of the outer end of the brow above the inner end.
        brow_arch: Rise of the brow's middle.
        brow_thickness: Thickness of the brow at its inner end.
        nose_width: Half the width at the wings.
        nose_y: Height of the nose's base.
        mouth_width: Half the width of the mouth.
        mouth_y: Height of the mouth.
        mouth_corner: Distance of the corners below the middle.
        upper_lip: Thickness of the upper lip.
        lower_lip: Thickness of the lower lip.
        creases: Strength of lines at rest; 0 is young, 1 is old.
        skin: Colour of the skin.
        hair: Colour of the hair.
        iris: Colour of the eyes.
        cloth: Colour of the clothes.
        hair_style: Hair style, one of `HAIR_STYLES`.
        glasses: Whether the person wears glasses.
        beard: Whether the person has a short beard.
    """

    face_width: float
    jaw_width: float
    chin_width: float
    eye_x: float
    eye_y: float
    eye_width: float
    eye_opening: float
    eye_tilt: float
    brow_gap: float
    brow_slant: float
    brow_arch: float
    brow_thickness: float
    nose_width: float
    nose_y: float
    mouth_width: float
    mouth_y: float
    mouth_corner: float
    upper_lip: float
    lower_lip: float
    creases: float
    skin: Color
    hair: Color
    iris: Color
    cloth: Color
    hair_style: str
    glasses: bool
    beard: bool


def sample_subject(rng: np.random.Generator) -> Subject:
    """Samples a person.

    Args:
        rng: The source of randomness.
    """
    face_width = rng.uniform(0.74, 0.84)
    tone = int(rng.integers(len(SKIN_COLORS)))
    hair_colors = DARK_HAIR_COLORS if tone >= FIRST_DARK_SKIN else LIGHT_HAIR_COLORS
    iris_colors = BROWN_IRIS_COLORS if tone >= FIRST_DARK_SKIN else IRIS_COLORS
    hair_style = str(rng.choice(HAIR_STYLES, p=HAIR_STYLE_WEIGHTS))
    return Subject(
        face_width=face_width,
        jaw_width=face_width * rng.uniform(0.76, 0.9),
        chin_width=face_width * rng.uniform(0.36, 0.52),
        eye_x=rng.uniform(0.32, 0.36),
        eye_y=rng.uniform(-0.12, -0.05),
        eye_width=rng.uniform(0.165, 0.195),
        eye_opening=float(np.clip(rng.normal(1.0, REST_EYE_OPENING), 0.75, 1.25)),
        eye_tilt=rng.normal(0.012, 0.012),
        brow_gap=0.25 + rng.normal(0, REST_BROW_HEIGHT),
        brow_slant=0.01 + rng.normal(0, REST_BROW_SLANT),
        brow_arch=rng.uniform(0.03, 0.07),
        brow_thickness=rng.uniform(0.045, 0.085),
        nose_width=rng.uniform(0.13, 0.19),
        nose_y=rng.uniform(0.25, 0.32),
        mouth_width=rng.uniform(0.23, 0.3),
        mouth_y=rng.uniform(0.58, 0.63),
        mouth_corner=rng.normal(0, REST_MOUTH_CORNER),
        upper_lip=rng.uniform(0.04, 0.075),
        lower_lip=rng.uniform(0.055, 0.095),
        creases=rng.uniform(0, 1) ** 2,
        skin=_sample_color(SKIN_COLORS[tone : tone + 1], 8, rng),
        hair=_sample_color(hair_colors, 8, rng),
        iris=_sample_color(iris_colors, 8, rng),
        cloth=_sample_color(CLOTH_COLORS, 15, rng),
        hair_style=hair_style,
        glasses=bool(rng.random() < GLASSES_PROBABILITY),
        beard=bool(hair_style not in ("long", "fringe") and rng.random() < BEARD_PROBABILITY),
    )


def _sample_color(palette: tuple[Color, ...], spread: float, rng: np.random.Generator) -> Color:
    """Samples a colour near one of the palette's."""
    base = palette[int(rng.integers(len(palette)))]
    # The colour varies mostly in lightness, hardly in hue.
    change = rng.normal(0, spread) + rng.normal(0, 0.25 * spread, 3)
    red, green, blue = (int(value) for value in np.clip(base + change, 0, 255))
    return red, green, blue
