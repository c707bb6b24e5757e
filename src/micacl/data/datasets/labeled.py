"""Describes a clip of a user's own data set before it is assigned to a fold."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from micacl.data.datasets.text_file import Place
from micacl.errors import UserError


@dataclass(frozen=True)
class Labeled:
    """One clip with its label.

    Attributes:
        name: The name that identifies the clip in the data set, the same on every machine.
        path: The path relative to the root, with forward slashes.
        class_name: The clip's class, in our spelling.
        place: The place where the clip is listed, or the clip itself.
        subject: The person shown, or None.
        fold: The fold in which the clip is a test clip, or None.
    """

    name: str
    path: str
    class_name: str
    place: Place
    subject: str | None = None
    fold: int | None = None


def check_named_once(clips: Iterable[Labeled]) -> tuple[Labeled, ...]:
    """Returns the clips after checking that no two have the same name.

    Raises:
        UserError: If two clips have the same name; the message says where both are.
    """
    first: dict[str, Labeled] = {}
    for clip in clips:
        if clip.name in first:
            raise clip.place.error(
                f"clip {clip.name} is there twice, the other time at {first[clip.name].place}; keep one of them"
            )
        first[clip.name] = clip
    return tuple(first.values())


def with_subjects(clips: Iterable[Labeled], subject_pattern: str | None) -> list[Labeled]:
    """Finds the subject of every clip in its path.

    Args:
        clips: The clips.
        subject_pattern: A regular expression that is searched in each path; its first group, or the whole match, is the
            subject. None leaves the clips as they are.

    Raises:
        UserError: If the pattern is not a regular expression, or finds nothing in a path.
    """
    if subject_pattern is None:
        return list(clips)
    try:
        pattern = re.compile(subject_pattern)
    except re.error as error:
        raise UserError(f"dataset.subject_pattern={subject_pattern} is not a regular expression: {error}") from error
    return [replace(clip, subject=_subject(clip, pattern)) for clip in clips]


def _subject(clip: Labeled, pattern: re.Pattern[str]) -> str:
    match = pattern.search(clip.path)
    subject = match[1 if pattern.groups else 0] if match else None
    if not subject:
        raise clip.place.error(
            f'dataset.subject_pattern is {pattern.pattern}, which finds no subject in "{clip.path}"; '
            "write one that does, or set it to null"
        )
    return subject
