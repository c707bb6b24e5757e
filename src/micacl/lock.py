"""One process at a time works in a folder; the others wait, or say so and leave."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from micacl.errors import OccupiedFolderError, UserError

# A killed process leaves processes that load clips, which hold its lock until they notice: PyTorch's look every 5 s.
_SECONDS_OF_ORPHANS = 12


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file; say so if that takes waiting. The system frees the lock of a process that dies.

    Args:
        path: the lock file.
        what: what the process that holds it is doing, for the message.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
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
        path: the lock file, in a folder that is there.
        message: what to say then.

    Raises:
        OccupiedFolderError: another process holds the lock.
        UserError: the folder cannot be written to.
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
