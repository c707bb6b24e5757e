"""Several processes that do one job: what becomes of results, errors, deaths, logs and signals."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from tests.process import rank_tasks
from tests.runs import PATH

from micacl.errors import OccupiedFolderError, UserError
from micacl.process import ranks
from micacl.process.ranks import RankError, run_in_ranks
from micacl.process.stop import Stopped

ResultT = TypeVar("ResultT")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "GRACE_SECONDS", 3)
    monkeypatch.setattr(ranks, "POLL_SECONDS", 0.1)


@dataclass
class Started:
    """Two ranks at work on a task, and which ends were to be recorded."""

    folder: Path
    ends: list[tuple[str, str]] = field(default_factory=list)

    def run(self, task: Callable[[Path, int], ResultT]) -> ResultT:
        return run_in_ranks(task, (self.folder, 7), 2, lambda *end: self.ends.append(end))


@pytest.fixture
def two(tmp_path: Path) -> Started:
    return Started(tmp_path)


def record_of(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return record


def test_the_first_rank_answers_and_logs_for_all(two: Started, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert two.run(rank_tasks.tell) == (0, 2, 7)
    assert [record.getMessage() for record in caplog.records] == ["rank 0 has seed 7"]
    assert "LOCAL_RANK" not in os.environ


def test_the_error_that_can_be_mended_is_the_one_that_is_shown(two: Started) -> None:
    with pytest.raises(UserError, match="rank 1 does not like this"):
        two.run(rank_tasks.refuse)
    assert two.ends == [("failed", "rank 1 does not like this")]


def test_a_mistake_of_the_program_keeps_its_traceback(two: Started) -> None:
    with pytest.raises(RankError, match=r"(?s)Traceback.*in break_down.*ZeroDivisionError: a mistake"):
        two.run(rank_tasks.break_down)
    assert two.ends == [("failed", "ZeroDivisionError: a mistake of the program")]


def test_a_rank_that_is_killed_ends_the_job(two: Started) -> None:
    start = time.monotonic()
    with pytest.raises(UserError, match=r"rank 1 of 2 was killed by SIGKILL; .*memory"):
        two.run(rank_tasks.die)
    assert time.monotonic() - start < 60
    assert [status for status, _ in two.ends] == ["failed"]


def test_signals_are_handed_on_once(two: Started) -> None:
    def tell() -> None:
        rank_tasks.pids(two.folder)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=tell).start()
    with pytest.raises(SystemExit) as left:
        two.run(rank_tasks.leave_when_told)
    assert left.value.code == 3
    assert [(two.folder / f"told{rank}").read_text() for rank in (0, 1)] == ["x", "x"]
    assert signal.getsignal(signal.SIGTERM) is before
    assert two.ends == [], "who was told to leave has not failed"


# Without Lightning, whose import takes seconds, in the module that counts the ranks.
ALONE = """
from pathlib import Path
import sys
from micacl.process.ranks import run_in_ranks
from tests.process import rank_tasks

if __name__ == "__main__":
    run_in_ranks(rank_tasks.wait_here, (Path(sys.argv[1]), 7), 2, print)
"""


def test_no_rank_outlives_the_job(tmp_path: Path) -> None:
    (tmp_path / "alone.py").write_text(ALONE)
    job = subprocess.Popen(
        [sys.executable, str(tmp_path / "alone.py"), str(tmp_path)], env=os.environ | {"PYTHONPATH": PATH}
    )
    pids = rank_tasks.pids(tmp_path)
    job.kill()
    job.wait()
    deadline = time.monotonic() + 60
    while any(map(is_running, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def test_the_record_of_the_run_that_a_folder_belongs_to_stays_as_it_is(two: Started) -> None:
    with pytest.raises(OccupiedFolderError, match="another run is here"):
        two.run(rank_tasks.find_another_run)
    assert two.ends == []


def test_a_stop_stays_a_stop(two: Started) -> None:
    with pytest.raises(Stopped) as stopped:
        two.run(rank_tasks.be_stopped)
    assert (stopped.value.code, stopped.value.signal) == (138, signal.SIGUSR1)
    assert two.ends == []


def test_a_stop_at_once_is_no_failure(two: Started) -> None:
    with pytest.raises(Stopped) as stopped:
        two.run(rank_tasks.leave_at_once)
    assert (stopped.value.code, stopped.value.signal) == (130, signal.SIGINT)
    assert two.ends == [("interrupted", "interrupted by SIGINT")]
