"""A signal ends a block at once, when it is convenient, or at the latest after a while; never another process."""

import subprocess
import sys

import pytest

BEGIN = """
import os, signal, time
from micacl.process import stop
stop._SECONDS_TO_LEAVE = 0.5
child_does = lambda: None
def send(signum, process=os.getpid()):
    os.kill(process, signum)
with stop.signals_handled() as request:
"""


def run(*lines: str) -> subprocess.CompletedProcess[str]:
    """Runs lines of Python in the block, in a process of their own."""
    block = "".join(f"    {line}\n" for line in lines)
    end = "assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL\n"
    return subprocess.run(
        [sys.executable, "-c", BEGIN + block + end], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGUSR1", 138), ("SIGUSR2", 140)])
def test_outside_of_the_training_a_signal_ends_the_run_at_once(name: str, status: int) -> None:
    ended = run(f"send(signal.{name})", "print('went on')")
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "", "")


def test_inside_it_is_deferred_and_not_forgotten() -> None:
    ended = run("with request.deferred():", "    send(signal.SIGTERM)", "    print('went on')", "print('too far')")
    assert (ended.returncode, ended.stdout) == (143, "went on\n")
    assert ended.stderr.startswith("SIGTERM: saving a checkpoint")


def test_the_second_ctrl_c_leaves_at_once() -> None:
    ended = run(
        "with request.deferred():", "    send(signal.SIGINT)", "    send(signal.SIGINT)", "    print('went on')"
    )
    assert (ended.returncode, ended.stdout) == (130, "")


def test_what_hangs_is_left() -> None:
    ended = run("with request.deferred():", "    send(signal.SIGTERM)", "    time.sleep(50)")
    assert ended.returncode == 143
    assert "takes too long" in ended.stderr
    assert "Traceback" not in ended.stderr


# Python drops signals that a process gets before it knows that it was forked: the child says when it is ready.
FORKED = (
    "reader, writer = os.pipe()",
    "child = os.fork()",
    "if child == 0:",
    "    child_does()",
    "    os.write(writer, b'x')",
    "    time.sleep(50)",
    "    os._exit(1)",
    "os.read(reader, 1)",
)


def test_a_forked_process_dies_by_its_signal_and_the_run_goes_on() -> None:
    waits = ["send(signal.SIGTERM, child)", "print(os.waitpid(child, 0)[1])"]
    ended = run(*FORKED, *waits, "time.sleep(1)", "print('went on')")
    assert (ended.returncode, ended.stdout) == (0, "15\nwent on\n"), ended.stderr


def test_a_signal_to_a_forked_process_that_handles_it_itself_is_none_to_the_run() -> None:
    handles = "signal.signal(signal.SIGTERM, lambda *_: os._exit(7))"
    waits = ["send(signal.SIGTERM, child)", "print(os.waitpid(child, 0)[1] >> 8)"]
    ended = run(f"child_does = lambda: {handles}", *FORKED, *waits, "time.sleep(1)", "print('went on')")
    assert (ended.returncode, ended.stdout) == (0, "7\nwent on\n"), ended.stderr
