"""Tasks of the ranks in the tests of micacl.process.ranks, which import nothing that takes long."""

import logging
import os
import signal
import time
from pathlib import Path

from micacl.errors import OccupiedFolderError, UserError
from micacl.process.stop import Stopped


def rank() -> int:
    return int(os.environ["LOCAL_RANK"])


def tell(folder: Path, seed: int) -> tuple[int, int, int]:
    """Logs, and returns what it knows of itself."""
    logging.getLogger("micacl.test").info("rank %d has seed %d", rank(), seed)
    return rank(), int(os.environ["WORLD_SIZE"]), seed


def refuse(folder: Path, seed: int) -> None:
    """Rank 1 finds something to fix; rank 0 waits for it, then misses it."""
    if rank() == 1:
        raise UserError("rank 1 does not like this")
    time.sleep(1)
    raise RuntimeError("connection closed by peer")


def break_down(folder: Path, seed: int) -> None:
    if rank() == 1:
        raise ZeroDivisionError("a mistake of the program")
    time.sleep(600)


def die(folder: Path, seed: int) -> None:
    """Rank 1 is killed; rank 0 waits for it in vain, as in a collective of NCCL."""
    if rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


def leave_when_told(folder: Path, seed: int) -> None:
    """Leaves with status 3 on SIGTERM, which each rank counts."""

    def leave(signum: int, _: object) -> None:
        with (folder / f"told{rank()}").open("a") as file:
            file.write("x")
        raise SystemExit(3)

    signal.signal(signal.SIGTERM, leave)
    wait_here(folder, seed)


def wait_here(folder: Path, seed: int) -> None:
    """Says that it runs, and waits."""
    (folder / f"pid{rank()}.part").write_text(str(os.getpid()))
    (folder / f"pid{rank()}.part").rename(folder / f"pid{rank()}")
    time.sleep(600)


def pids(folder: Path, num_ranks: int = 2) -> list[int]:
    """Waits until all ranks run."""
    files = [folder / f"pid{number}" for number in range(num_ranks)]
    deadline = time.monotonic() + 240
    while not all(file.is_file() for file in files):
        assert time.monotonic() < deadline, "the ranks do not start"
        time.sleep(0.05)
    return [int(file.read_text()) for file in files]


def find_another_run(folder: Path, seed: int) -> None:
    """Every rank finds that the folder is taken."""
    raise OccupiedFolderError("another run is here")


def be_stopped(folder: Path, seed: int) -> None:
    """Every rank is stopped by the same signal."""
    raise Stopped(signal.SIGUSR1)


def leave_at_once(folder: Path, seed: int) -> None:
    """Does to every rank what a second Ctrl-C does."""
    os._exit(128 + signal.SIGINT)
