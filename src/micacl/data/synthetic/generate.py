"""Draws the data set once, in the user's cache folder."""

import csv
import dataclasses
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from micacl.data.cache.progress import progress_bar
from micacl.data.expressions import CLASS_NAMES
from micacl.data.synthetic.plan import PlannedClip, plan_clips
from micacl.data.synthetic.recipe import DRAWING_VERSION, Recipe
from micacl.data.synthetic.worker import WRITING_FAILED
from micacl.errors import UserError
from micacl.files import locked

MANIFEST_NAME = "manifest.csv"
MANIFEST_COLUMNS = ("path", "label", "class_name", "subject", "fold")

# One lock for all recipes, because two sets that are drawn at once would only compete for the cores.
_LOCK_NAME = "synthetic.lock"
_PARTIAL_SUFFIX = ".partial"


def recipe_hash(recipe: Recipe) -> str:
    """Hashes everything that decides the content: the recipe's values, the classes and the version of the drawing.

    Args:
        recipe: The recipe of the data set.

    Returns:
        12 hexadecimal digits.
    """
    values = dataclasses.asdict(recipe) | {"class_names": CLASS_NAMES, "drawing_version": DRAWING_VERSION}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


def prepare(recipe: Recipe, cache_dir: Path, num_workers: int | None = None) -> Path:
    """Draws the data set, unless it exists already.

    The folder appears as a whole or not at all. If several processes ask at once, one draws and the others wait.

    Args:
        recipe: The recipe of the data set.
        cache_dir: The folder in which data sets are kept; it is made if missing.
        num_workers: The number of processes that draw; None or 0 means one per core.

    Returns:
        The data set's folder. It holds `clips/00001.mp4` and so on, and `manifest.csv` with the columns
        `path,label,class_name,subject,fold`: paths are relative to the folder, labels index `CLASS_NAMES`, subjects
        count from 0, folds from 1.

    Raises:
        UserError: If the cache folder cannot be written, or the disk is full.
    """
    folder = cache_dir / f"synthetic-{recipe_hash(recipe)}"
    if folder.is_dir():
        return folder
    with _explain_os_errors(cache_dir):
        cache_dir.mkdir(parents=True, exist_ok=True)
        with locked(cache_dir / _LOCK_NAME, "drawing the built-in clips"):
            # Another process may have drawn it while this one waited.
            if not folder.is_dir():
                _build(recipe, folder, num_workers or os.cpu_count() or 1)
    return folder


def _build(recipe: Recipe, folder: Path, num_workers: int) -> None:
    """Draws all clips into a folder beside the final one, then renames it. The caller holds the lock."""
    # Killed runs leave such folders; thanks to the lock, no process works in them. What cannot be deleted now is left
    # to the next run.
    for stale in folder.parent.glob(f"synthetic-*{_PARTIAL_SUFFIX}-*"):
        shutil.rmtree(stale, ignore_errors=True)
    # The process id is in the name, because workers of a killed run finish their clip and must not write it here.
    partial = folder.with_name(f"{folder.name}{_PARTIAL_SUFFIX}-{os.getpid()}")
    try:
        (partial / "clips").mkdir(parents=True)
        clips = plan_clips(recipe)
        _draw_in_parallel(recipe, partial, len(clips), min(num_workers, len(clips)))
        _write_manifest(clips, partial / MANIFEST_NAME)
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _draw_in_parallel(recipe: Recipe, folder: Path, num_clips: int, num_workers: int) -> None:
    """Runs the workers and shows their progress.

    Raises:
        OSError: If a worker could not write.
        RuntimeError: If a worker failed otherwise; the message holds the worker's own.
    """
    workers = [_start_worker(recipe, folder, number, num_workers) for number in range(num_workers)]
    try:
        with (
            progress_bar("drawing the built-in clips", num_clips) as advance,
            ThreadPoolExecutor(num_workers) as readers,
        ):

            def follow(worker: subprocess.Popen[str]) -> str:
                """Counts the worker's clips until it ends; returns its error output."""
                assert worker.stdout is not None
                assert worker.stderr is not None
                for _ in worker.stdout:
                    advance(1)
                error = worker.stderr.read()
                if worker.wait() != 0:
                    # The data set cannot become complete, so the other workers need not continue.
                    _stop(workers)
                return error.strip()

            try:
                messages = list(readers.map(follow, workers))
            except BaseException:
                # After Ctrl-C, for example; the readers end once the workers do.
                _stop(workers)
                raise
    finally:
        _stop(workers)
    failures = {worker.returncode: error for worker, error in zip(workers, messages, strict=True) if worker.returncode}
    if WRITING_FAILED in failures:
        raise OSError(errno.EIO, failures[WRITING_FAILED])
    if failures:
        raise RuntimeError(f"drawing the built-in clips failed; by exit status of the workers: {failures}")


def _start_worker(recipe: Recipe, folder: Path, number: int, num_workers: int) -> subprocess.Popen[str]:
    """Starts worker `number` of `num_workers`; it prints a line for each clip that it has written to the folder."""
    package_root = str(Path(__file__).parents[3])
    python_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    # -P: a module in the current folder must not shadow one of Python's.
    command = [sys.executable, "-P", "-m", "micacl.data.synthetic.worker"]
    arguments = [json.dumps(dataclasses.asdict(recipe)), str(folder), str(number), str(num_workers)]
    return subprocess.Popen(
        command + arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": python_path},
    )


def _stop(workers: list[subprocess.Popen[str]]) -> None:
    for worker in workers:
        if worker.poll() is None:
            worker.terminate()


def _write_manifest(clips: list[PlannedClip], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(MANIFEST_COLUMNS)
        for clip in clips:
            writer.writerow([clip.path, clip.label, CLASS_NAMES[clip.label], clip.subject, clip.fold])


@contextmanager
def _explain_os_errors(cache_dir: Path) -> Iterator[None]:
    """Turns the system's errors about the cache folder into a message that says what to do."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write the built-in data set to {cache_dir}: {error.strerror or error}. "
            "Make room there or make the folder writable, or choose another cache folder"
        ) from error
