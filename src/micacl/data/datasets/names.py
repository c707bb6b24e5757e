"""Derives names for clips from their paths, without the parts that differ between machines."""

import os
import re
import unicodedata
from collections.abc import Sequence
from itertools import takewhile

from micacl.data.datasets.tree import VIDEO_SUFFIXES


def path_parts(text: str) -> tuple[str, ...]:
    """Splits a path from any system into its folders and its file, in Unicode's composed form.

    macOS writes names decomposed, `é` as two characters; in the composed form they compare equal everywhere.

    >>> path_parts("D:\\\\faces\\\\Clip 1.mp4"), path_parts("/home/me/./faces/1/")
    (('D:', 'faces', 'Clip 1.mp4'), ('home', 'me', 'faces', '1'))
    """
    parts = re.split(r"[/\\]+", unicodedata.normalize("NFC", text))
    return tuple(part for part in parts if part not in ("", "."))


def without_suffix(name: str) -> str:
    """Removes the suffix of a video file from a name."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  thousands of names, not paths
    return stem if suffix.lower() in VIDEO_SUFFIXES else name


def clip_names(paths: Sequence[tuple[str, ...]]) -> list[str]:
    """Names clips by their paths below the last folder that all of them share, without the suffixes of videos.

    >>> clip_names([("home", "me", "Crime", "1"), ("home", "me", "War", "1.mp4")])
    ['Crime/1', 'War/1']
    """
    folders = [path[:-1] for path in paths]
    # All paths share what the alphabetically first and last share.
    ends = zip(min(folders, default=()), max(folders, default=()), strict=False)
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], ends)))
    return ["/".join((*path[shared:-1], without_suffix(path[-1]))) for path in paths]
