"""Ends a run on a signal: it saves a checkpoint if it is training, says so, and exits in time."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Slurm's --signal and submitit send SIGUSR1 and SIGUSR2, schedulers SIGTERM, a person Ctrl-C.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
# Schedulers kill a process that still runs 30 s after the signal.
_SECONDS_TO_LEAVE = 25
# The pipes that the system writes the numbers of signals to, one for each running block.
_writers: list[int] = []


class Stopped(SystemExit):
    """Raised when a signal has ended the run.

    As a SystemExit it passes through Hydra, so that it ends a sweep too, with status 128 + the signal's number.

    Attributes:
        signal: The signal.
    """

    def __init__(self, signum: signal.Signals) -> None:
        super().__init__(128 + signum)
        self.signal = signum

    def __reduce__(self) -> tuple[type["Stopped"], tuple[signal.Signals]]:
        """Pickles the signal alone: a rank sends this to the process that started it."""
        return Stopped, (self.signal,)


class StopRequest:
    """Records the signal that asks this process to end.

    Attributes:
        signal: The first signal; None until one has come.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._process = os.getpid()
        self._deferred = False

    def listen(self) -> None:
        """Installs the handlers; call it again after a library has replaced them."""
        if _in_main_thread():  # Python allows it there alone
            for signum in _SIGNALS:
                signal.signal(signum, self._receive)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Runs a block that checks :attr:`signal` itself where it can save; outside, a signal ends the run at once.

        Raises:
            Stopped: If a signal has come by the end of the block.
        """
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self.signal is not None:
            raise Stopped(self.signal)

    def _receive(self, signum: int, _: FrameType | None) -> None:
        if os.getpid() != self._process:  # a process forked from this one dies as it would without this handler
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
    """Runs a block that a signal ends with :class:`Stopped`, or kills after 25 s, should it hang.

    Yields:
        The request, which code that has something to save can defer.
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
    """Ends the process some time after a signal, even if a long computation keeps Python from handling it."""
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


def _leave_pipe_of_parent() -> None:
    """Keeps a forked process, such as one that loads clips, from writing its own signals to the parent's pipe."""
    if _writers and _in_main_thread():
        signal.set_wakeup_fd(-1)


os.register_at_fork(after_in_child=_leave_pipe_of_parent)


def _watch(reader: int, over: threading.Event) -> None:
    with os.fdopen(reader, "rb", buffering=0) as numbers:
        while number := numbers.read(1):
            if number[0] in _SIGNALS and not over.wait(_SECONDS_TO_LEAVE):
                _say("this takes too long: leaving; what was not saved is lost")
                os._exit(128 + number[0])


def _say(message: str) -> None:
    """Writes to stderr by a system call: in a signal's handler, Python's own streams may be in use."""
    os.write(2, f"{message}\n".encode())
