"""One run on several devices of this machine: a process for each, started and watched by the job's own.

Lightning starts the others with this process's command line, which in a sweep is that of the whole sweep, and itself is
the first of them, so that one dead process leaves a sweep that waits. Here the job's process trains nothing: it starts
all ranks with the settings of this one job, hands on what they log and the signals that it gets, and when one has died
gives the others a moment, ends them, and raises the error that began it.
"""

import logging
import logging.handlers
import math
import multiprocessing
import os
import pickle
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from micacl.errors import OccupiedFolderError, UserError
from micacl.process.stop import Stopped
from micacl.run.job import Job
from micacl.settings import Settings

ResultT = TypeVar("ResultT")

# How often to look whether a rank has died, and how long the others may take once one has ended with an error: they
# write what they still can, and W&B sends it.
POLL_SECONDS = 1
GRACE_SECONDS = 30

_HANDED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class RankError(Exception):
    """An error inside a rank that is none of the user's; the text is its traceback."""


@dataclass(frozen=True)
class _Result:
    value: Any


def run_on_devices(task: Callable[[Settings, Job], ResultT], settings: Settings, job: Job) -> ResultT:
    """Runs a job here, or in one process for each device where the trainer asks for several.

    Args:
        task: The job; a function of a module.
        settings: Its settings.
        job: What the command line says of it.

    Returns:
        What the task returned, on the first rank.

    Raises:
        UserError: If the task raised it on any rank, or a rank was killed.
        RankError: If anything else went wrong on a rank.
    """
    from micacl.build.trainer import (
        ranks_to_start,  # imports torch, which the ranks import after their environment is set
    )

    num_ranks = ranks_to_start(settings)
    if num_ranks == 0:
        return task(settings, job)
    port, payload = _free_port(), pickle.dumps((task, settings, job))
    ranks: list[_Rank] = []
    try:
        with _handing_on_signals(ranks):
            ranks += [_Rank(number, num_ranks, port, payload) for number in range(num_ranks)]
            ends = _watch(ranks)
    finally:
        for rank in ranks:
            rank.stop()
    error = _cause(ends)
    if error is None:
        value: ResultT = ranks[0].end.value  # type: ignore[union-attr]
        return value
    if isinstance(error, Stopped) and _left_at_once(ranks[0].process.exitcode):
        _record_end(settings, job, "interrupted", f"interrupted by {error.signal.name}")
    elif not isinstance(error, KeyboardInterrupt | SystemExit | OccupiedFolderError):
        _record_end(settings, job, "failed", (str(error).strip() or type(error).__name__).splitlines()[-1])
    raise error


class _Rank:
    """One process, and what is known of its end."""

    def __init__(self, number: int, num_ranks: int, port: int, payload: bytes) -> None:
        context = multiprocessing.get_context("spawn")
        self.end: _Result | BaseException | None = None
        self._of = f"rank {number} of {num_ranks}"
        self.connection, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=_run_rank, args=(number, num_ranks, port, payload, theirs))
        self.process.start()
        theirs.close()

    def listen(self) -> None:
        """Takes what it has sent, and notes if it has died without a word."""
        alive = self.process.is_alive()  # asked first: what it sent before it died is then there to be read
        with suppress(EOFError, OSError):
            while self.end is None and self.connection.poll():
                self._take(self.connection.recv())
        if self.end is None and not alive:
            self.end = _left_at_once(self.process.exitcode) or UserError(f"{self._of} {_how(self.process.exitcode)}")

    def _take(self, message: Any) -> None:
        if not isinstance(message, logging.LogRecord):
            self.end = message
        elif logging.getLogger(message.name).isEnabledFor(message.levelno):
            logging.getLogger(message.name).handle(message)

    def stop(self) -> None:
        """Ends it, if it has not ended by itself."""
        if self.end is not None:
            self.process.join(GRACE_SECONDS)  # it has said its last word and closes its connections
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self.connection.close()


def _left_at_once(status: int | None) -> Stopped | None:
    """A rank that a second Ctrl-C, or a signal that found it stuck, has ended says nothing but its status."""
    signals = {128 + signum: signum for signum in _HANDED_ON}
    return Stopped(signals[status]) if status in signals else None


def _how(status: int | None) -> str:
    if status is None or status >= 0:
        return f"ended with status {status} and without a word"
    name = signal.Signals(-status).name
    hint = "; where nobody did that, the memory ran out: see the system's log" if -status == signal.SIGKILL else ""
    return f"was killed by {name}{hint}"


def _watch(ranks: Sequence[_Rank]) -> list[_Result | BaseException]:
    """Waits for the end of all ranks; once one has failed, not for long.

    Returns:
        The ends, in their order; without those of ranks that had to be stopped.
    """
    ends: list[_Result | BaseException] = []
    deadline = math.inf
    running = list(ranks)
    while running and time.monotonic() < deadline:
        wait([rank.connection for rank in running], timeout=POLL_SECONDS)
        for rank in running:
            rank.listen()
            if rank.end is not None:
                ends.append(rank.end)
        running = [rank for rank in running if rank.end is None]
        if any(isinstance(end, BaseException) for end in ends):
            deadline = min(deadline, time.monotonic() + GRACE_SECONDS)
    return ends


def _cause(ends: Sequence[_Result | BaseException]) -> BaseException | None:
    """The first stop or error that can be mended, or else the first error: the others miss the rank that is gone."""
    errors = [end for end in ends if isinstance(end, BaseException)]
    return min(errors, key=lambda error: not isinstance(error, UserError | Stopped), default=None)


def _record_end(settings: Settings, job: Job, status: str, said: str) -> None:
    """The first rank keeps ``run.json``; where it was another that failed, or the first was killed, it does not say."""
    from micacl.run.outcome import about_run
    from micacl.run_folder.record import RUN_FILE, RunRecord, amend_record

    if not (job.folder / RUN_FILE).is_file():
        RunRecord(job.folder, about_run(settings, job), job.config_yaml)
    amend_record(job.folder, status=status, error=said)


@contextmanager
def _handing_on_signals(ranks: Sequence[_Rank]) -> Iterator[None]:
    """The ranks are in sessions of their own: what this process is told, they hear from it, once."""

    def hand_on(signum: int, _: Any) -> None:
        for rank in ranks:
            if rank.process.is_alive() and rank.process.pid is not None:
                os.kill(rank.process.pid, signum)

    if threading.current_thread() is not threading.main_thread():  # Python handles signals there alone
        yield
        return
    before = {signum: signal.signal(signum, hand_on) for signum in _HANDED_ON}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class _Sending(logging.handlers.QueueHandler):
    """Sends log records to the job's process, whose handlers show and keep them, and at last how the rank ended."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(queue.SimpleQueue())  # of which nothing is used
        self._connection = connection
        self._one_at_a_time = threading.Lock()

    def enqueue(self, record: Any) -> None:
        """Sends one, whole: other threads log too."""
        with self._one_at_a_time:
            self._connection.send(record)


def _run_rank(number: int, num_ranks: int, port: int, payload: bytes, connection: Connection) -> None:
    """What a rank's process does: it sends what it logs, and its result or its error."""
    os.setsid()
    _end_with_the_job()
    os.environ |= {
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "NODE_RANK": "0",
        "WORLD_SIZE": str(num_ranks),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    logging.root.setLevel(logging.INFO)
    sending = _Sending(connection)
    logging.root.handlers = [sending if number == 0 else logging.NullHandler()]  # all say the same
    try:
        task, settings, job = pickle.loads(payload)  # imports Lightning, which reads the environment
        end: _Result | BaseException = _Result(task(settings, job))
    except BaseException as error:
        end = _portable(error)
    sending.enqueue(end)
    sys.exit(int(isinstance(end, BaseException)))


def _portable(error: BaseException) -> BaseException:
    """The error as another process can take it: with its message alone."""
    if isinstance(error, OccupiedFolderError):
        return OccupiedFolderError(str(error))
    if isinstance(error, UserError):
        return UserError(str(error))
    if isinstance(error, Stopped):
        return Stopped(error.signal)
    if isinstance(error, SystemExit):
        return SystemExit(error.code)
    if isinstance(error, KeyboardInterrupt):
        return KeyboardInterrupt()
    return RankError("".join(traceback.format_exception(error)))


def _end_with_the_job() -> None:
    """Where the job's process is killed, nobody would end this one."""
    job = multiprocessing.parent_process()
    assert job is not None

    def watch() -> None:
        wait([job.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
