"""Takes every clip of a data set into the cache: in parallel, resumable, safe to kill."""

import errno
import json
import multiprocessing
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import cv2

from micacl.data.cache.facts import ClipFacts
from micacl.data.cache.journal import Entry, read_journal, signature, to_line
from micacl.data.cache.layout import ABOUT_NAME, FORMAT, JOURNAL_NAME, CacheKey, clip_file, refuse_links
from micacl.data.cache.progress import progress_bar
from micacl.data.cache.store import take_in
from micacl.data.split import Clip
from micacl.errors import UserError
from micacl.files import locked, replacing

CRASHED = "the decoder crashed on it"


@dataclass(frozen=True)
class Task:
    """What to do with one clip.

    Attributes:
        clip: The clip.
        target: Where its frames go; None only looks.
        size: Height and width of the squares in pixels.
        max_frames: Most frames to keep; None keeps all.
    """

    clip: Clip
    target: Path | None
    size: int
    max_frames: int | None

    def run(self) -> ClipFacts:
        """Do it."""
        return take_in(self.clip.name, self.clip.path, self.target, self.size, self.max_frames)


def build(
    clips: Sequence[Clip], cache_dir: Path, key: CacheKey, num_workers: int, store: bool = True
) -> dict[str, ClipFacts]:
    """Look at every clip once and, unless told otherwise, keep its frames.

    What an earlier call has done is not done again, also when that call was killed; a clip whose file has changed since
    is. A second call at the same time waits for the first.

    Args:
        clips: All clips of the data set, each once.
        cache_dir: Folder in which caches are kept; made if missing.
        key: The cache.
        num_workers: Processes that decode, at least 1.
        store: Keep the frames; False only looks.

    Returns:
        The facts of each clip by its name, those that cannot be decoded among them.

    Raises:
        UserError: If the cache folder cannot be written to, or the disk is full.
    """
    folder = cache_dir / key.folder_name
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        refuse_links(folder)
        with locked(folder / "lock", f"taking clips into {folder}"):
            # Left by writers that were killed; the lock says that none is at work.
            for leftover in folder.glob("clips/*/.*"):
                leftover.unlink(missing_ok=True)
            with replacing(folder / ABOUT_NAME) as about:
                about.write_text(json.dumps(asdict(key) | {"format": FORMAT}, indent=2) + "\n", encoding="utf-8")
            journal_entries = read_journal(folder / JOURNAL_NAME)
            known = {
                clip.name: journal_entries[clip.name].facts
                for clip in clips
                if clip.name in journal_entries and _is_done(journal_entries[clip.name], clip, folder, store)
            }
            max_frames = key.frames if isinstance(key.frames, int) else None
            tasks = [
                Task(clip, clip_file(folder, clip.name) if store else None, key.size, max_frames)
                for clip in clips
                if clip.name not in known
            ]
            if not tasks:
                return known
            with _Journal(folder / JOURNAL_NAME) as journal, progress_bar("taking in clips", len(clips)) as advance:
                advance(len(known))
                for task, facts in _run_all(tasks, num_workers):
                    journal.append(Entry(facts, signature(task.clip.path), store and not facts.reason))
                    known[facts.name] = facts
                    advance(1)
    return known


def cached_names(folder: Path) -> set[str]:
    """The clips whose frames a cache holds."""
    return {name for name, entry in read_journal(folder / JOURNAL_NAME).items() if entry.stored}


def _is_done(entry: Entry, clip: Clip, folder: Path, store: bool) -> bool:
    """Whether nothing is left to do: what failed is tried again, it may have been mended."""
    if entry.facts.reason or entry.signature != signature(clip.path):
        return False
    file = clip_file(folder, clip.name)
    return not store or (entry.stored and file.is_file() and not file.is_symlink())  # a link is replaced by a file


def _run_all(tasks: Sequence[Task], num_workers: int) -> Iterator[tuple[Task, ClipFacts]]:
    """The tasks' results as they come. A clip that kills its process is found and reported, the others go on."""
    done: set[str] = set()
    try:
        for task, facts in _run_in_pool(tasks, num_workers):
            done.add(task.clip.name)
            yield task, facts
    except BrokenProcessPool:
        suspects = [task for task in tasks if task.clip.name not in done]
        # Only clips that were begun can be to blame, a few for each worker.
        first, rest = suspects[: 4 * num_workers], suspects[4 * num_workers :]
        for task in first:
            yield task, _run_alone(task)
        yield from _run_all(rest, num_workers)


def _run_in_pool(tasks: Sequence[Task], num_workers: int) -> Iterator[tuple[Task, ClipFacts]]:
    # Spawned, not forked: a forked child inherits locks that another thread may hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_workers, mp_context=context, initializer=_one_thread) as pool:
        waiting: dict[Future[ClipFacts], Task] = {}
        queue = iter(tasks)
        try:
            for task in queue:
                waiting[pool.submit(task.run)] = task
                if len(waiting) < 4 * num_workers:
                    continue
                finished = next(as_completed(waiting))
                yield waiting.pop(finished), finished.result()
            for finished in as_completed(list(waiting)):
                yield waiting[finished], finished.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _run_alone(task: Task) -> ClipFacts:
    """One task in a process of its own, which it may kill."""
    try:
        ((_, facts),) = _run_in_pool([task], 1)
    except BrokenProcessPool:
        return ClipFacts(task.clip.name, 0, 0, 0, "", f"{task.clip.path} cannot be decoded: {CRASHED}")
    return facts


def _one_thread() -> None:
    """The workers themselves fill the cores."""
    cv2.setNumThreads(0)


class _Journal:
    """Appends lines, each of them written through at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        # A killed writer may have left half a line; the next one must not be glued to it.
        whole = not self._path.exists() or self._path.read_bytes()[-1:] in (b"", b"\n")
        self._file = self._path.open("a", encoding="utf-8")
        if not whole:
            self._file.write("\n")
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def append(self, entry: Entry) -> None:
        self._file.write(to_line(entry))
        self._file.flush()


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(folder if folder.is_dir() else folder.anchor).free
            raise UserError(
                f"the disk of {folder} is full ({free / 2**20:.0f} MiB free); what was taken in is kept: free some "
                "space and run the same command again, or set cache.dir to another disk"
            ) from error
        raise UserError(f"the cache {folder} cannot be written: {error.strerror or error}; set cache.dir") from error
