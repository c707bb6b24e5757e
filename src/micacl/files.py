"""Keeps processes out of each other's way: files appear whole or not at all, and one process at a time has a lock."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from micacl.errors import OccupiedFolderError, UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` to write to, and renames it to `path` once the block has succeeded.

    Args:
        path: The file to create or replace.

    Yields:
        The temporary path. It has the suffix of `path`, from which writers choose a format.

    Raises:
        UserError: If the folder cannot be written to.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


# The loader processes of a killed process hold its lock until they notice its death: PyTorch's check every 5 s.
_SECONDS_OF_ORPHANS = 12


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Holds a lock file during a block; waits, and says so, while another process holds it.

    The system frees the lock of a process that dies.

    Args:
        path: The lock file.
        what: The work of the process that holds it, for the message: "another process is ...".
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        from rich.console import Console  # slow to import, and most locks are free

        Console(stderr=True).print(f"another process is {what}; waiting for it", soft_wrap=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def locked_or_refused(path: Path, message: str) -> Iterator[None]:
    """Holds a lock file during a block; gives up if another process still holds it after some seconds.

    Args:
        path: The lock file, in an existing folder.
        message: The message of the error if another process holds it.

    Raises:
        OccupiedFolderError: If another process holds the lock.
        UserError: If the folder cannot be written to.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=_SECONDS_OF_ORPHANS)
    except Timeout:
        raise OccupiedFolderError(message) from None
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror or error}.") from error
    try:
        yield
    finally:
        lock.release()
