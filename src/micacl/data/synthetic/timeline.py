"""Samples the strength of each action unit in each frame: neutral, onset, apex, offset, neutral."""

import numpy as np
import numpy.typing as npt

from micacl.data.expressions import CLASS_NAMES
from micacl.data.synthetic.action_units import ACTION_UNITS, EXPRESSION_ACTION_UNITS
from micacl.data.synthetic.recipe import FRAMES_PER_SECOND

FloatArray = npt.NDArray[np.float64]

# The share of the clip's frames that show the expression. It is weak at both ends, so many single frames are ambiguous.
EXPRESSION_SHARE = (0.55, 0.8)
# Shares of the expression's own duration; the apex is the rest between them.
ONSET_SHARE = (0.2, 0.35)
OFFSET_SHARE = (0.2, 0.4)

# The intensity of the expression's apex, and the share of it that a single unit reaches. 1 is a unit's usual full
# strength: drawn people exaggerate, so that a network without pre-trained weights learns from them in minutes.
EXPRESSION_STRENGTH = (1.5, 1.8)
UNIT_STRENGTH = (0.85, 1.0)
# The longest delay between the units of one expression, which do not start at the same instant.
UNIT_LAG_FRAMES = 1.2

# Small movements without meaning, in clips of any class.
DISTRACTOR_PROBABILITY = 0.25
DISTRACTOR_STRENGTH = (0.08, 0.2)
DISTRACTOR_UNITS = (1, 2, 4, 7, 12, 15, 23)

# Talking moves lips and jaw. Neutral clips mostly talk, others now and then.
TALK_PROBABILITY_NEUTRAL = 0.8
TALK_PROBABILITY_EXPRESSION = 0.15
TALK_STRENGTH = (0.15, 0.3)
TALK_SYLLABLES_PER_SECOND = (2.5, 5.0)

BLINKS_PER_SECOND = 0.4
BLINK_FRAMES = 3.0


def sample_timeline(
    label: int, num_frames: int, rng: np.random.Generator, strength: float = 1.0
) -> dict[int, FloatArray]:
    """Samples the intensities of all action units over one clip.

    Args:
        label: The index of the class in `CLASS_NAMES`.
        num_frames: The number of frames of the clip, T.
        rng: The source of randomness.
        strength: The strength of the expression; movements without meaning are not scaled.

    Returns:
        The intensities of each action unit by its FACS number, shape (T,), 0 at rest; strong apexes reach 1.5.
    """
    name = CLASS_NAMES[label]
    frames = np.arange(num_frames, dtype=np.float64)
    intensity = {unit: np.zeros(num_frames) for unit in ACTION_UNITS}

    start, duration = _sample_interval(num_frames, rng)
    onset = duration * rng.uniform(*ONSET_SHARE)
    offset = duration * rng.uniform(*OFFSET_SHARE)
    apex = strength * rng.uniform(*EXPRESSION_STRENGTH)
    for unit in EXPRESSION_ACTION_UNITS[name]:
        lag = rng.uniform(0, UNIT_LAG_FRAMES)
        # The lag shortens the unit's own movement, so that it ends with the others, within the clip.
        rise = _ease((frames - start - lag) / onset)
        fall = _ease((start + duration - frames) / offset)
        intensity[unit] = apex * rng.uniform(*UNIT_STRENGTH) * np.minimum(rise, fall)

    if rng.random() < DISTRACTOR_PROBABILITY:
        unit = int(rng.choice(DISTRACTOR_UNITS))
        start, duration = _sample_interval(num_frames, rng)
        bump = np.sin(np.pi * np.clip((frames - start) / duration, 0, 1))
        intensity[unit] = np.maximum(intensity[unit], rng.uniform(*DISTRACTOR_STRENGTH) * bump)

    talk_probability = TALK_PROBABILITY_NEUTRAL if name == "neutral" else TALK_PROBABILITY_EXPRESSION
    if rng.random() < talk_probability:
        talk = _sample_talk(frames, rng)
        intensity[25] = np.maximum(intensity[25], talk)
        intensity[26] = np.maximum(intensity[26], 0.7 * talk)

    intensity[45] = _sample_blinks(frames, rng)
    return intensity


def _ease(x: FloatArray) -> FloatArray:
    """Steps smoothly from 0 at x <= 0 to 1 at x >= 1, as muscles move: slow, fast, slow."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _sample_interval(num_frames: int, rng: np.random.Generator) -> tuple[float, float]:
    """Samples start and duration, in frames, of a movement that leaves the first and the last frame at rest."""
    duration = rng.uniform(*EXPRESSION_SHARE) * num_frames
    return rng.uniform(0, num_frames - 1 - duration), duration


def _sample_talk(frames: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Samples the opening of the lips while talking, shape (T,): syllables within one stretch of speech."""
    start, duration = _sample_interval(len(frames), rng)
    stretch = np.minimum(_ease((frames - start) / 3), _ease((start + duration - frames) / 3))
    rate = rng.uniform(*TALK_SYLLABLES_PER_SECOND) / FRAMES_PER_SECOND
    # The second wave has another frequency than the first, which makes syllables unequal.
    syllables = 0.5 - 0.35 * np.cos(2 * np.pi * rate * frames + rng.uniform(0, 2 * np.pi))
    syllables += 0.15 * np.sin(2 * np.pi * 0.37 * rate * frames + rng.uniform(0, 2 * np.pi))
    return rng.uniform(*TALK_STRENGTH) * stretch * np.clip(syllables, 0, 1)


def _sample_blinks(frames: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Samples the closure of the eyes by blinking, shape (T,); 1 is shut."""
    closure = np.zeros(len(frames))
    for _ in range(rng.poisson(BLINKS_PER_SECOND * len(frames) / FRAMES_PER_SECOND)):
        middle = rng.uniform(0, len(frames))
        closure = np.maximum(closure, _ease(1.25 - np.abs(frames - middle) / (BLINK_FRAMES / 2)))
    return closure
