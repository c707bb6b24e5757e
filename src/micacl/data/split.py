"""Defines clips and their training and test split, and holds out a part of the training split for validation."""

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from micacl.errors import UserError


@dataclass(frozen=True)
class SkippedClip:
    """Describes a clip that was left out of its split.

    Attributes:
        name: The clip's name.
        path: The clip's file or folder.
        reason: Why the clip cannot be decoded.
    """

    name: str
    path: Path
    reason: str


@dataclass(frozen=True)
class Clip:
    """Describes one labelled video of one face.

    Attributes:
        name: The name that identifies the clip in its split, in lists of predictions and in messages.
        path: A video file, or a folder of frames.
        label: The index of the clip's class in the split's class names.
        subject: The person shown, or None where the data set does not say.
    """

    name: str
    path: Path
    label: int
    subject: str | None = None


@dataclass(frozen=True)
class Split:
    """Divides the clips of a data set into training and test clips.

    Attributes:
        class_names: The name of each label.
        train: The training clips.
        test: The test clips.

    Raises:
        UserError: If a part is empty, a class has no training clip, a clip is listed twice or lies in both parts, or a
            label has no name.
    """

    class_names: tuple[str, ...]
    train: tuple[Clip, ...]
    test: tuple[Clip, ...]

    def __post_init__(self) -> None:
        for part, clips in (("training", self.train), ("test", self.test)):
            if not clips:
                raise UserError(f"the {part} split has no clips; check the data set's split files and the fold")
            for clip in clips:
                if not 0 <= clip.label < len(self.class_names):
                    raise UserError(
                        f"clip {clip.name} of the {part} split has label {clip.label}; "
                        f"labels run from 0 to {len(self.class_names) - 1} ({', '.join(self.class_names)})"
                    )
        _check_each_clip_once(self.train, self.test)
        counts = class_counts(self.train, len(self.class_names))
        absent = [name for name, count in zip(self.class_names, counts, strict=True) if count == 0]
        if absent:
            raise UserError(
                f"no training clip shows {', '.join(absent)}; a class that is never trained cannot be recalled, "
                "so add clips of it or use another fold"
            )


def class_counts(clips: Iterable[Clip], num_classes: int) -> list[int]:
    """Counts the clips of each class, in label order.

    Args:
        clips: The clips to count.
        num_classes: K, the number of classes.

    Returns:
        K counts.
    """
    counts = Counter(clip.label for clip in clips)
    return [counts[label] for label in range(num_classes)]


def hold_out(split: Split, fraction: float, seed: int) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Takes a stratified part out of the training split for validation; the test split is not used.

    Where subjects are known, all clips of a subject stay on one side, so that validation meets only unknown faces.
    Every class keeps at least one training clip: a class that would lose its last one is given one group back.

    Args:
        split: The split whose training part is divided.
        fraction: The share of the training clips to hold out, above 0 and at most 0.5. The nearest 1/n is taken.
        seed: The seed of the division.

    Returns:
        Training clips and validation clips, each in the order of `split.train`.

    Raises:
        UserError: If the fraction is out of range, or there are too few clips or subjects to hold any out.
    """
    if not 0 < fraction <= 0.5:
        raise UserError(f"validation_fraction is {fraction}; set it above 0 and at most 0.5, or to 0 to hold out none")
    num_parts = round(1 / fraction)
    labels = [clip.label for clip in split.train]
    groups = [f"clip {clip.name}" if clip.subject is None else f"subject {clip.subject}" for clip in split.train]
    if num_parts > min(len(set(groups)), max(Counter(labels).values())):
        raise UserError(
            f"protocol.validation_fraction is {fraction}, one part in {num_parts}, but the training split has only "
            f"{len(split.train)} clips of {len(set(groups))} subjects; set a larger fraction, or 0 to hold out none"
        )
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold  # slow to import, and a wrong fold is found without it

    division = StratifiedGroupKFold(n_splits=num_parts, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer clips than parts cannot lie in every part; that is the long tail, not a mistake.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        _, held_indices = next(division.split(np.zeros(len(labels)), labels, groups))
    held_groups = _give_back(labels, groups, {groups[index] for index in held_indices})
    train = tuple(clip for clip, group in zip(split.train, groups, strict=True) if group not in held_groups)
    validation = tuple(clip for clip, group in zip(split.train, groups, strict=True) if group in held_groups)
    if not validation:
        raise UserError("every clip is needed for training, so none is held out; set protocol.validation_fraction to 0")
    return train, validation


def _check_each_clip_once(train: Sequence[Clip], test: Sequence[Clip]) -> None:
    """Raises a UserError for the first clip whose name or path was met before, in the same part or the other."""
    met: dict[str | Path, str] = {}
    for part, clips in (("training", train), ("test", test)):
        for clip in clips:
            for key in (clip.name, clip.path):
                if met.get(key, part) != part:
                    raise UserError(
                        f"clip {clip.name} ({clip.path}) lies in the training and in the test split; "
                        "remove it from one, or the test measures what was trained"
                    )
                if key in met:
                    raise UserError(f"clip {clip.name} ({clip.path}) is listed twice in the {part} split; list it once")
                met[key] = part


def _give_back(labels: Sequence[int], groups: Sequence[str], held: set[str]) -> set[str]:
    """Returns the groups to hold out, after giving back the smallest group of each class held out as a whole."""
    size = Counter(groups)
    for label in sorted(set(labels)):
        holders = {group for group, other in zip(groups, labels, strict=True) if other == label}
        if holders <= held:
            held = held - {min(holders, key=lambda group: (size[group], group))}
    return held


Part = Literal["train", "val", "test"]


@dataclass(frozen=True)
class Division:
    """Holds the parts of a split that a run uses.

    Attributes:
        parts: The clips of each part; the validation clips are the test clips where none were held out.
        skipped: The clips that cannot be decoded and are in no part.
    """

    parts: dict[Part, tuple[Clip, ...]]
    skipped: tuple[SkippedClip, ...]


def divide(split: Split, skipped: Sequence[SkippedClip], validation_fraction: float, seed: int) -> Division:
    """Leaves out the skipped clips and holds out the validation part.

    Args:
        split: The split as it was loaded.
        skipped: The clips of the split that cannot be decoded.
        validation_fraction: The share of the training clips to hold out; 0 validates on the test clips.
        seed: The seed of the hold-out.

    Raises:
        UserError: If what is left is no split (a class has no training clip), or nothing can be held out.
    """
    bad = {clip.name for clip in skipped}
    left = replace(
        split,
        train=tuple(clip for clip in split.train if clip.name not in bad),
        test=tuple(clip for clip in split.test if clip.name not in bad),
    )
    train, val = hold_out(left, validation_fraction, seed) if validation_fraction else (left.train, left.test)
    return Division({"train": train, "val": val, "test": left.test}, tuple(skipped))
