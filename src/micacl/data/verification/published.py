"""What the published data sets hold: `published.yaml`, typed."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True)
class PublishedPart:
    """The clips of one part of one fold.

    Attributes:
        total: All of them.
        per_class: Those of each class, in label order; None where that is not known.
        within: By how many a class may differ.
    """

    total: int
    per_class: tuple[int, ...] | None
    within: int


@dataclass(frozen=True)
class PublishedFrames:
    """Frames in a clip, over the whole data set."""

    min: int
    median: float
    max: int


@dataclass(frozen=True)
class Published:
    """One published data set.

    Attributes:
        num_clips: All clips.
        frame_size: Height and width of the official frames in pixels, or None where that is not known.
        frames: Frames in a clip, or None.
        short_clips: Clips with fewer than 16 frames, or None.
        parts: Fold and part ("train" or "test") to its clips.
    """

    num_clips: int
    frame_size: int | None
    frames: PublishedFrames | None
    short_clips: int | None
    parts: dict[tuple[int, str], PublishedPart]


@cache
def published(dataset: str) -> Published | None:
    """What is published of a data set.

    Args:
        dataset: Its name, as in `dataset=`.

    Returns:
        The counts, or None for a data set of one's own.
    """
    text = files("micacl.data.verification").joinpath("published.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text).get(dataset)
    if content is None:
        return None
    return Published(
        num_clips=content["num_clips"],
        frame_size=content["frame_size"],
        frames=PublishedFrames(**content["frames"]) if content["frames"] else None,
        short_clips=content["short_clips"],
        parts={
            (fold, part): _part(content, part, counts)
            for fold, parts in content["folds"].items()
            for part, counts in parts.items()
        },
    )


def _part(content: dict[str, Any], part: str, counts: int | list[int]) -> PublishedPart:
    if isinstance(counts, list):
        return PublishedPart(sum(counts), tuple(counts), 0)
    within = content["within"]
    return PublishedPart(counts, None if within is None else tuple(content["folds"][1][part]), within or 0)
