"""Names for clips that are listed by their paths, without what belongs to one machine."""

import os
import re
import unicodedata
from collections.abc import Sequence
from itertools import takewhile

from micacl.data.datasets.tree import VIDEO_SUFFIXES


def path_parts(text: str) -> tuple[str, ...]:
    """The folders and the file of a path from whatever system, as they compare equal everywhere.

    A name may come composed or decomposed, `é` as one character or as two; macOS writes the latter.

    >>> path_parts("D:\\\\faces\\\\Clip 1.mp4"), path_parts("/home/me/./faces/1/")
    (('D:', 'faces', 'Clip 1.mp4'), ('home', 'me', 'faces', '1'))
    """
    parts = re.split(r"[/\\]+", unicodedata.normalize("NFC", text))
    return tuple(part for part in parts if part not in ("", "."))


def without_suffix(name: str) -> str:
    """A clip's own name without the suffix of a video file."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  thousands of names, not paths
    return stem if suffix.lower() in VIDEO_SUFFIXES else name


def clip_names(paths: Sequence[tuple[str, ...]]) -> list[str]:
    """The paths from the last folder on that they share, without the suffixes of videos.

    >>> clip_names([("home", "me", "Crime", "1"), ("home", "me", "War", "1.mp4")])
    ['Crime/1', 'War/1']
    """
    folders = [path[:-1] for path in paths]
    # What the first and the last by the alphabet share, all share.
    ends = zip(min(folders, default=()), max(folders, default=()), strict=False)
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], ends)))
    return ["/".join((*path[shared:-1], without_suffix(path[-1]))) for path in paths]
