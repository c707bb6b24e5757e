"""Signals that ask a run to end: it saves what it has, says so, and leaves in time."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Slurm's --signal and submitit send the user signals, schedulers SIGTERM, a person Ctrl-C.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
# Schedulers kill what is still there 30 s after the signal.
_SECONDS_TO_LEAVE = 25
# The pipes by which the system tells of signals.
_writers: list[int] = []


class Stopped(SystemExit):
    """A signal has ended the run. It passes Hydra, so that it ends a sweep too, with status 128 + the signal's number.

    Attributes:
        signal: The signal.
    """

    def __init__(self, signum: signal.Signals) -> None:
        super().__init__(128 + signum)
        self.signal = signum

    def __reduce__(self) -> tuple[type["Stopped"], tuple[signal.Signals]]:
        """From the signal: a process that trains sends this to the one that watches it."""
        return Stopped, (self.signal,)


class StopRequest:
    """Whether a signal has asked this process to end.

    Attributes:
        signal: The first signal; None while there was none.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._process = os.getpid()
        self._deferred = False

    def listen(self) -> None:
        """Takes the signals; once more where a library has taken them in the meantime."""
        if _in_main_thread():  # others cannot
            for signum in _SIGNALS:
                signal.signal(signum, self._receive)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """A block that looks for :attr:`signal` itself, where it can save; elsewhere a signal ends the run at once.

        Raises:
            Stopped: At its end, if a signal has come that the block has not seen.
        """
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self.signal is not None:
            raise Stopped(self.signal)

    def _receive(self, signum: int, _: FrameType | None) -> None:
        if os.getpid() != self._process:  # a process that was forked from this one: it dies as it would without us
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        elif self.signal is None:
            self.signal = signal.Signals(signum)
            if not self._deferred:
                raise Stopped(self.signal)
            again = "; Ctrl-C again leaves at once" if signum == signal.SIGINT else ""
            _say(f"{self.signal.name}: saving a checkpoint after this step and leaving{again}")
        elif signum == signal.SIGINT:
            _say("leaving at once; what was not saved is lost")
            os._exit(128 + signum)


@contextmanager
def signals_handled() -> Iterator[StopRequest]:
    """A block that is ended by a signal with :class:`Stopped`, or, should it hang, at the latest 25 s after it.

    Yields:
        The request, which code that has something to save defers.
    """
    request = StopRequest()
    if not _in_main_thread():
        yield request
        return
    before = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    request.listen()
    with _deadline():
        try:
            yield request
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def _deadline() -> Iterator[None]:
    """Ends the process some time after a signal, also while a long computation keeps Python from handling it."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    watched_before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    _writers.append(writer)
    over = threading.Event()
    threading.Thread(target=_watch, args=(reader, over), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(watched_before)
        _writers.remove(writer)
        over.set()
        os.close(writer)


def _part_from_parent() -> None:
    """In a process that was forked, which has the pipe too: a signal to a loader of clips is none to the training."""
    if _writers and _in_main_thread():
        signal.set_wakeup_fd(-1)


os.register_at_fork(after_in_child=_part_from_parent)


def _watch(reader: int, over: threading.Event) -> None:
    with os.fdopen(reader, "rb", buffering=0) as numbers:
        while number := numbers.read(1):
            if number[0] in _SIGNALS and not over.wait(_SECONDS_TO_LEAVE):
                _say("this takes too long: leaving; what was not saved is lost")
                os._exit(128 + number[0])


def _say(message: str) -> None:
    """Writes to the screen, which in a signal's handler only the system may do: Python's streams may be in use."""
    os.write(2, f"{message}\n".encode())
