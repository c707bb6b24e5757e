"""Checks that the disk has room for the cache before it is filled."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from micacl.data.cache.build import cached_names
from micacl.data.cache.layout import CacheKey
from micacl.data.frames.decoding import count_frames
from micacl.data.split import Clip
from micacl.errors import DecodeError, UserError

# Clips that are asked for their length; the mean of so many is right within a few per cent.
SAMPLE = 200
# The mean of a sample may lie below that of all, and a file takes whole blocks of the disk.
MARGIN = 1.1
GB = 1e9


def check_room(clips: Sequence[Clip], cache_dir: Path, key: CacheKey) -> str:
    """Estimates what is still to be written, from the lengths of some clips, and compares it with the disk.

    Args:
        clips: All clips of the data set.
        cache_dir: The folder in which caches are kept.
        key: The cache.

    Returns:
        One line for the user: what is needed and what is free.

    Raises:
        UserError: If the disk has less than is needed.
    """
    present = cached_names(cache_dir / key.folder_name)
    left = [clip for clip in clips if clip.name not in present]
    needed = MARGIN * len(left) * _mean_frames(left, key) * key.size**2 * 3
    free = shutil.disk_usage(_existing(cache_dir)).free
    line = f"{len(left)} clips to decode need about {needed / GB:.1f} GB in {cache_dir}; {free / GB:.1f} GB are free"
    if needed > free:
        raise UserError(
            f"{line}. Free some space, set cache.dir to another disk, or keep less: cache.size={key.size} and "
            f"cache.frames={key.frames} decide it"
        )
    return line + "."


def _mean_frames(clips: Sequence[Clip], key: CacheKey) -> float:
    step = max(1, len(clips) // SAMPLE)
    counts = []
    for clip in clips[::step]:
        try:
            counts.append(count_frames(clip.path))
        except DecodeError:
            continue  # it takes no room
    if isinstance(key.frames, int):
        counts = [min(count, key.frames) for count in counts]
    return sum(counts) / len(counts) if counts else 0.0


def _existing(folder: Path) -> Path:
    """Finds the folder, or the nearest one above it that exists."""
    return next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.is_dir())
