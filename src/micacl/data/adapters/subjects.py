"""Who is shown, from the names of clips."""

import re
from collections.abc import Iterable
from dataclasses import replace

from micacl.data.adapters.labelled import Labelled
from micacl.errors import UserError


def with_subjects(clips: Iterable[Labelled], subject_pattern: str | None) -> list[Labelled]:
    """Find the subject of every clip.

    Args:
        clips: the clips.
        subject_pattern: a regular expression that is searched in each path; its first group, or the whole match, is the
            subject. None leaves the clips as they are.

    Raises:
        UserError: it is no regular expression, or finds nothing in a path.
    """
    if subject_pattern is None:
        return list(clips)
    try:
        pattern = re.compile(subject_pattern)
    except re.error as error:
        raise UserError(f"dataset.subject_pattern={subject_pattern} is no regular expression: {error}") from error
    return [replace(clip, subject=_subject(clip, pattern)) for clip in clips]


def _subject(clip: Labelled, pattern: re.Pattern[str]) -> str:
    match = pattern.search(clip.path)
    subject = match[1 if pattern.groups else 0] if match else None
    if not subject:
        raise clip.place.error(
            f'dataset.subject_pattern is {pattern.pattern}, which finds no subject in "{clip.path}"; '
            "write one that does, or set it to null"
        )
    return subject
