"""Reads `published.yaml`, the published numbers of clips and frames of each data set."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True)
class PublishedPart:
    """The clips of one part of one fold.

    Attributes:
        total: The number of clips of all classes.
        per_class: The number of clips of each class, in label order, or None if that is not known.
        within: The number by which a class may differ.
    """

    total: int
    per_class: tuple[int, ...] | None
    within: int


@dataclass(frozen=True)
class PublishedFrames:
    """The minimum, median and maximum number of frames in a clip, over the whole data set."""

    min: int
    median: float
    max: int


@dataclass(frozen=True)
class Published:
    """One published data set.

    Attributes:
        num_clips: The number of clips.
        frame_size: The height and width of the official frames in pixels, or None if that is not known.
        frames: The number of frames in a clip, or None if that is not known.
        short_clips: The number of clips with fewer than 16 frames, or None if that is not known.
        parts: The clips of each part, by the fold's number and the part's name ("train" or "test").
    """

    num_clips: int
    frame_size: int | None
    frames: PublishedFrames | None
    short_clips: int | None
    parts: dict[tuple[int, str], PublishedPart]


@cache
def published(dataset: str) -> Published | None:
    """Returns the published numbers of a data set.

    Args:
        dataset: The data set's name, as in `dataset=`.

    Returns:
        The numbers, or None for a user's own data set.
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
