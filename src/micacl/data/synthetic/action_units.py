"""Lists the facial action units (FACS) that the drawn face moves, and the combination for each expression."""

from typing import Final

# FACS numbers (Ekman & Friesen, 1978; Ekman, Friesen & Hager, 2002) that the drawn face can move.
ACTION_UNITS: Final = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    9: "nose wrinkler",
    12: "lip corner puller",
    15: "lip corner depressor",
    16: "lower lip depressor",
    20: "lip stretcher",
    23: "lip tightener",
    25: "lips part",
    26: "jaw drop",
    45: "blink",
}

# Prototypes of the basic emotions as EMFACS lists them. Neutral has none: neutral faces blink and talk.
EXPRESSION_ACTION_UNITS: Final[dict[str, tuple[int, ...]]] = {
    "happiness": (6, 12),
    "sadness": (1, 4, 15),
    "neutral": (),
    "anger": (4, 5, 7, 23),
    "surprise": (1, 2, 5, 26),
    "disgust": (9, 15, 16),
    "fear": (1, 2, 4, 5, 20, 26),
}
