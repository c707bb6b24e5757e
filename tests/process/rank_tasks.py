"""What ranks do in the tests of micacl.process.ranks: nothing that takes long to import."""

import logging
import os
import signal
import time
from pathlib import Path

from micacl.errors import OccupiedFolderError, UserError
from micacl.process.stop import Stopped
from micacl.run.job import Job
from micacl.settings import Settings


def rank() -> int:
    return int(os.environ["LOCAL_RANK"])


def tell(settings: Settings, job: Job) -> tuple[int, int, int]:
    """Logs, and returns what it knows of itself."""
    logging.getLogger("micacl.test").info("rank %d has seed %d", rank(), settings.seed)
    return rank(), int(os.environ["WORLD_SIZE"]), settings.seed


def refuse(settings: Settings, job: Job) -> None:
    """Rank 1 finds something to mend; rank 0 waits for it, then misses it."""
    if rank() == 1:
        raise UserError("rank 1 does not like this")
    time.sleep(1)
    raise RuntimeError("connection closed by peer")


def break_down(settings: Settings, job: Job) -> None:
    if rank() == 1:
        raise ZeroDivisionError("a mistake of the program")
    time.sleep(600)


def die(settings: Settings, job: Job) -> None:
    """Rank 1 is killed; rank 0 waits for it in vain, as in a collective of NCCL."""
    if rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


def leave_when_told(settings: Settings, job: Job) -> None:
    """Leaves with status 3 on SIGTERM, which each rank counts."""

    def leave(signum: int, _: object) -> None:
        with (job.folder / f"told{rank()}").open("a") as file:
            file.write("x")
        raise SystemExit(3)

    signal.signal(signal.SIGTERM, leave)
    wait_here(settings, job)


def wait_here(settings: Settings, job: Job) -> None:
    """Says that it runs, and waits."""
    (job.folder / f"pid{rank()}.part").write_text(str(os.getpid()))
    (job.folder / f"pid{rank()}.part").rename(job.folder / f"pid{rank()}")
    time.sleep(600)


def pids(folder: Path, num_ranks: int = 2) -> list[int]:
    """Waits until all ranks run."""
    files = [folder / f"pid{number}" for number in range(num_ranks)]
    deadline = time.monotonic() + 240
    while not all(file.is_file() for file in files):
        assert time.monotonic() < deadline, "the ranks do not start"
        time.sleep(0.05)
    return [int(file.read_text()) for file in files]


def find_another_run(settings: Settings, job: Job) -> None:
    """Every rank finds that the folder is taken."""
    raise OccupiedFolderError("another run is here")


def be_stopped(settings: Settings, job: Job) -> None:
    """Every rank is stopped by the same signal."""
    raise Stopped(signal.SIGUSR1)


def leave_at_once(settings: Settings, job: Job) -> None:
    """What a second Ctrl-C does to every rank; the first has begun the record."""
    if rank() == 0:
        (job.folder / "run.json").write_text('{"status": "running", "error": null}')
        (job.folder / "begun").touch()
    while not (job.folder / "begun").exists():
        time.sleep(0.05)
    os._exit(128 + signal.SIGINT)
