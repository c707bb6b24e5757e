"""Decodes many clips in parallel processes, and finds those that cannot be decoded or crash their decoder."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import cv2

from micacl.data.cache.clip_info import ClipInfo, undecodable
from micacl.data.cache.progress import progress_bar
from micacl.data.cache.store import Target, store_clip
from micacl.data.split import Clip, SkippedClip

CRASHED = "the decoder crashed on it"


@dataclass(frozen=True)
class Task:
    """Describes one clip to decode.

    Attributes:
        clip: The clip.
        target: Where to store its frames; None stores nothing.
    """

    clip: Clip
    target: Target | None

    def run(self) -> ClipInfo:
        """Decodes the clip; see `store_clip`."""
        return store_clip(self.clip, self.target)


def run_tasks(tasks: Sequence[Task], num_workers: int) -> Iterator[tuple[Task, ClipInfo]]:
    """Decodes clips in parallel, and carries on if one of them kills its process.

    Args:
        tasks: The clips, each once.
        num_workers: The number of processes, at least 1.

    Yields:
        Each task and what decoding its clip found, in the order in which they finish. A clip that kills its process
        counts as one that cannot be decoded.

    Raises:
        UserError: If a target cannot be written, for example because the disk is full.
        OSError: If a target's folder cannot be made.
    """
    done: set[str] = set()
    try:
        for task, info in _run_in_pool(tasks, num_workers):
            done.add(task.clip.name)
            yield task, info
    except BrokenProcessPool:
        suspects = [task for task in tasks if task.clip.name not in done]
        # Only clips that were begun can be to blame, a few for each worker.
        first, rest = suspects[: 4 * num_workers], suspects[4 * num_workers :]
        for task in first:
            yield task, _run_alone(task)
        yield from run_tasks(rest, num_workers)


def find_undecodable(clips: Sequence[Clip], num_workers: int, show_progress: bool) -> list[SkippedClip]:
    """Decodes every frame of every clip once and stores nothing.

    Args:
        clips: The clips to try, each once.
        num_workers: The number of processes that decode; at least one is started, whose crash cannot harm this one.
        show_progress: Draws a progress bar on stderr.

    Returns:
        The clips that cannot be decoded, in the order given.
    """
    reasons: dict[str, str] = {}
    with progress_bar("checking clips", len(clips), shown=show_progress) as advance:
        for task, info in run_tasks([Task(clip, target=None) for clip in clips], max(1, num_workers)):
            reasons[task.clip.name] = info.reason
            advance(1)
    return [SkippedClip(clip.name, clip.path, reasons[clip.name]) for clip in clips if reasons[clip.name]]


def _run_in_pool(tasks: Sequence[Task], num_workers: int) -> Iterator[tuple[Task, ClipInfo]]:
    # Spawned, not forked: a forked child inherits locks that another thread may hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_workers, mp_context=context, initializer=_use_one_thread) as pool:
        waiting: dict[Future[ClipInfo], Task] = {}
        try:
            for task in tasks:
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


def _run_alone(task: Task) -> ClipInfo:
    """Runs one task in a process of its own, which it may kill."""
    try:
        ((_, info),) = _run_in_pool([task], 1)
    except BrokenProcessPool:
        return undecodable(task.clip.name, f"{task.clip.path} cannot be decoded: {CRASHED}")
    return info


def _use_one_thread() -> None:
    """Keeps OpenCV to one thread, because the workers fill the cores."""
    cv2.setNumThreads(0)
