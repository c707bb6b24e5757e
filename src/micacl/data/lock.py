"""One process at a time prepares a folder; the others say that they wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console


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
