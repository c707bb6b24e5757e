"""Decodes every clip of a data set into the cache: in parallel, resumable, safe to kill."""

import errno
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from micacl.data.cache.clip_info import ClipInfo
from micacl.data.cache.journal import Entry, JournalWriter, read_journal, signature
from micacl.data.cache.layout import (
    ABOUT_NAME,
    CLIPS_NAME,
    FORMAT,
    JOURNAL_NAME,
    LOCK_NAME,
    CacheKey,
    clip_file,
    refuse_links,
)
from micacl.data.cache.parallel import Task, run_tasks
from micacl.data.cache.progress import progress_bar
from micacl.data.cache.store import Target
from micacl.data.split import Clip
from micacl.errors import UserError
from micacl.files import locked, replacing


def build(
    clips: Sequence[Clip], cache_dir: Path, key: CacheKey, num_workers: int, store: bool = True
) -> dict[str, ClipInfo]:
    """Decodes every clip once and, unless told otherwise, stores its frames.

    What an earlier call has finished is not done again, even if that call was killed; a clip whose file has changed
    since is. A second call at the same time waits for the first.

    Args:
        clips: All clips of the data set, each once.
        cache_dir: The folder in which caches are kept; made if missing.
        key: The cache.
        num_workers: The number of processes that decode, at least 1.
        store: Stores the frames; False only records what decoding found.

    Returns:
        What decoding found of each clip, by the clip's name, also of clips that cannot be decoded.

    Raises:
        UserError: If the cache folder cannot be written to, or the disk is full.
    """
    folder = cache_dir / key.folder_name
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        refuse_links(folder)
        with locked(folder / LOCK_NAME, f"decoding clips into {folder}"):
            # Left by writers that were killed; the lock says that none is at work.
            for leftover in folder.glob(f"{CLIPS_NAME}/*/.*"):
                leftover.unlink(missing_ok=True)
            with replacing(folder / ABOUT_NAME) as about:
                about.write_text(json.dumps(asdict(key) | {"format": FORMAT}, indent=2) + "\n", encoding="utf-8")
            return _decode_missing(clips, folder, key, num_workers, store)


def cached_names(folder: Path) -> set[str]:
    """Lists the clips whose frames a cache holds."""
    return {name for name, entry in read_journal(folder / JOURNAL_NAME).items() if entry.stored}


def _decode_missing(
    clips: Sequence[Clip], folder: Path, key: CacheKey, num_workers: int, store: bool
) -> dict[str, ClipInfo]:
    """Decodes the clips that no earlier call has finished; returns the info of all. The caller holds the lock."""
    entries = read_journal(folder / JOURNAL_NAME)
    known = {
        clip.name: entries[clip.name].info
        for clip in clips
        if clip.name in entries and _is_done(entries[clip.name], clip, folder, store)
    }
    max_frames = key.frames if isinstance(key.frames, int) else None
    tasks = [
        Task(clip, Target(clip_file(folder, clip.name), key.size, max_frames) if store else None)
        for clip in clips
        if clip.name not in known
    ]
    if not tasks:
        return known
    with JournalWriter(folder / JOURNAL_NAME) as journal, progress_bar("decoding clips", len(clips)) as advance:
        advance(len(known))
        for task, info in run_tasks(tasks, num_workers):
            journal.append(Entry(info, signature(task.clip.path), store and not info.reason))
            known[info.name] = info
            advance(1)
    return known


def _is_done(entry: Entry, clip: Clip, folder: Path, store: bool) -> bool:
    """Tells whether nothing is left to do for a clip: one that failed is tried again, it may have been fixed."""
    if entry.info.reason or entry.signature != signature(clip.path):
        return False
    file = clip_file(folder, clip.name)
    return not store or (entry.stored and file.is_file() and not file.is_symlink())  # a link is replaced by a file


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turns an error of the system into a message that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(folder if folder.is_dir() else folder.anchor).free
            raise UserError(
                f"the disk of {folder} is full ({free / 2**20:.0f} MiB free); the clips decoded so far are kept: free "
                "some space and run the same command again, or set cache.dir to another disk"
            ) from error
        raise UserError(f"the cache {folder} cannot be written: {error.strerror or error}; set cache.dir") from error
