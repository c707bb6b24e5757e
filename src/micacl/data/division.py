"""Which clips of a split are trained on, validated on, tested on and left out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from micacl.data.probe import SkippedClip
from micacl.data.split import Clip, Split, hold_out

Part = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Division:
    """The parts of a split.

    Attributes:
        parts: the clips of each part; the validation clips are the test clips where none were held out.
        skipped: the clips that cannot be decoded and are in no part.
    """

    parts: dict[Part, tuple[Clip, ...]]
    skipped: tuple[SkippedClip, ...]


def divide(split: Split, skipped: Sequence[SkippedClip], validation_fraction: float, seed: int) -> Division:
    """Leave out the skipped clips and hold out the validation part.

    Args:
        split: the split as it was loaded.
        skipped: its clips that cannot be decoded.
        validation_fraction: share of the training clips to hold out; 0 validates on the test clips.
        seed: seed of the hold-out.

    Raises:
        UserError: what is left is no split (a class has no training clip), or nothing can be held out.
    """
    bad = {clip.name for clip in skipped}
    left = replace(
        split,
        train=tuple(clip for clip in split.train if clip.name not in bad),
        test=tuple(clip for clip in split.test if clip.name not in bad),
    )
    train, val = hold_out(left, validation_fraction, seed) if validation_fraction else (left.train, left.test)
    return Division({"train": train, "val": val, "test": left.test}, tuple(skipped))
