"""Files appear whole or not at all: nobody reads half of one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from micacl.errors import OccupiedFolderError, UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path` to write to, and moves it into place once the block has succeeded.

    Args:
        path: The file to create or replace.

    Yields:
        The temporary path. It keeps the ending of `path`, by which writers choose a format.

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


# A killed process leaves processes that load clips, which hold its lock until they notice: PyTorch's look every 5 s.
_SECONDS_OF_ORPHANS = 12


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file; say so if that takes waiting. The system frees the lock of a process that dies.

    Args:
        path: The lock file.
        what: What the process that holds it is doing, for the message.
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
    """Hold a lock file, or leave where another process holds it and still does after some seconds.

    Args:
        path: The lock file, in a folder that is there.
        message: What to say then.

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
