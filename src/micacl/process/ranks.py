"""Runs a task in several processes that train together, each of them started and watched by this process.

Lightning would start the others with this process's command line, which in a sweep is that of the whole sweep, and be
the first of them itself, so that one dead process blocks the sweep. Here this process trains nothing: it starts every
rank with the same task, shows what they log, forwards the signals that it gets, and when one of them has died gives the
others some time, ends them, and raises the error that came first.
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
from typing import Any, Literal, TypeVar

from micacl.errors import OccupiedFolderError, UserError
from micacl.process.stop import Stopped

ResultT = TypeVar("ResultT")

# How often to check whether a rank has died, and how long the others may take once one has ended with an error: they
# write what they still can, and W&B uploads it.
POLL_SECONDS = 1
GRACE_SECONDS = 30

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class RankError(Exception):
    """An error inside a rank that is not the user's to fix. The message is its traceback."""


@dataclass(frozen=True)
class _Result:
    value: Any


def run_in_ranks(
    task: Callable[..., ResultT],
    arguments: Sequence[Any],
    num_ranks: int,
    record_end: Callable[[Literal["interrupted", "failed"], str], object],
) -> ResultT:
    """Runs a task in this process, or in several that train together.

    Args:
        task: A function of a module, which the ranks import after their environment is set.
        arguments: Its arguments, which must be picklable.
        num_ranks: The number of processes to start, or 0 to run the task in this one.
        record_end: Takes the end of the task and the reason where the first rank, which otherwise records it, may have
            been unable to.

    Returns:
        What the task returned on the first rank.

    Raises:
        UserError: If the task raised it on any rank, or a rank was killed.
        RankError: If anything else went wrong on a rank.
    """
    if num_ranks == 0:
        return task(*arguments)
    port, payload = _free_port(), pickle.dumps((task, arguments))
    ranks: list[_Rank] = []
    try:
        with _forwarding_signals(ranks):
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
        record_end("interrupted", f"interrupted by {error.signal.name}")
    elif not isinstance(error, KeyboardInterrupt | SystemExit | OccupiedFolderError):
        record_end("failed", (str(error).strip() or type(error).__name__).splitlines()[-1])
    raise error


class _Rank:
    """One process of several, and how it ended."""

    def __init__(self, number: int, num_ranks: int, port: int, payload: bytes) -> None:
        context = multiprocessing.get_context("spawn")
        self.end: _Result | BaseException | None = None
        self._of = f"rank {number} of {num_ranks}"
        self.connection, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=_run_rank, args=(number, num_ranks, port, payload, theirs))
        self.process.start()
        theirs.close()

    def listen(self) -> None:
        """Reads what the process has sent, and notes whether it has died without sending its end."""
        alive = self.process.is_alive()  # asked first, so that all that it sent before it died can be read
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
        """Kills the process, unless it ends by itself."""
        if self.end is not None:
            self.process.join(GRACE_SECONDS)  # it has sent its end, and closes its connections
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self.connection.close()


def _left_at_once(status: int | None) -> Stopped | None:
    """Reads from its exit status which signal ended a rank that left without cleaning up; None for other statuses."""
    signals = {128 + signum: signum for signum in _FORWARDED}
    return Stopped(signals[status]) if status in signals else None


def _how(status: int | None) -> str:
    if status is None or status >= 0:
        return f"ended with status {status} and without a message"
    name = signal.Signals(-status).name
    hint = "; where nobody did that, the memory ran out: see the system's log" if -status == signal.SIGKILL else ""
    return f"was killed by {name}{hint}"


def _watch(ranks: Sequence[_Rank]) -> list[_Result | BaseException]:
    """Waits until all ranks have ended, or until some time after the first has failed.

    Returns:
        The ends in the order in which they came, without those of ranks that still run.
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
    """Finds the first stop or UserError, or else the first error: later ones are about the rank that is gone."""
    errors = [end for end in ends if isinstance(end, BaseException)]
    return min(errors, key=lambda error: not isinstance(error, UserError | Stopped), default=None)


@contextmanager
def _forwarding_signals(ranks: Sequence[_Rank]) -> Iterator[None]:
    """Forwards this process's signals to the ranks: they are in sessions of their own, and get no others."""

    def forward(signum: int, _: Any) -> None:
        for rank in ranks:
            if rank.process.is_alive() and rank.process.pid is not None:
                os.kill(rank.process.pid, signum)

    if threading.current_thread() is not threading.main_thread():  # Python handles signals there alone
        yield
        return
    before = {signum: signal.signal(signum, forward) for signum in _FORWARDED}
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
    """Sends a rank's log records, and finally its end, to the process that started it, whose handlers show them."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(queue.SimpleQueue())  # which this handler does not use
        self._connection = connection
        self._one_at_a_time = threading.Lock()

    def enqueue(self, record: Any) -> None:
        """Sends one record; the lock keeps those of several threads apart."""
        with self._one_at_a_time:
            self._connection.send(record)


def _run_rank(number: int, num_ranks: int, port: int, payload: bytes, connection: Connection) -> None:
    """Runs the task in a rank's process, and sends what it logs, and its result or its error."""
    os.setsid()
    _end_with_parent()
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
    logging.root.handlers = [sending if number == 0 else logging.NullHandler()]  # all ranks log the same
    try:
        task, arguments = pickle.loads(payload)  # imports Lightning, which reads the environment
        end: _Result | BaseException = _Result(task(*arguments))
    except BaseException as error:
        end = _portable(error)
    sending.enqueue(end)
    sys.exit(int(isinstance(end, BaseException)))


def _portable(error: BaseException) -> BaseException:
    """Copies an error into one that can be pickled, with only its message."""
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


def _end_with_parent() -> None:
    """Ends this process when the one that started it is killed, which could not end it itself."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
