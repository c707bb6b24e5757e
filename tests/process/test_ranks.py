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
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.process import rank_tasks
from tests.runs import PATH, TINY, compose_settings

from micacl.errors import OccupiedFolderError, UserError
from micacl.process import ranks
from micacl.process.ranks import RankError, run_on_devices
from micacl.process.stop import Stopped
from micacl.run.job import Job
from micacl.settings import Settings


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr("micacl.build.trainer.ranks_to_start", lambda _: 2)
    monkeypatch.setattr(ranks, "GRACE_SECONDS", 3)
    monkeypatch.setattr(ranks, "POLL_SECONDS", 0.1)
    return compose_settings(*TINY, "seed=7")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path, "default", None, "seed: 7\n", repeatable=True, given=frozenset())


def record_of(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return record


def test_the_first_rank_answers_and_logs_for_all(
    settings: Settings, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert run_on_devices(rank_tasks.tell, settings, job) == (0, 2, 7)
    assert [record.getMessage() for record in caplog.records] == ["rank 0 has seed 7"]
    assert "LOCAL_RANK" not in os.environ


def test_the_error_that_can_be_mended_is_the_one_that_is_shown(settings: Settings, job: Job) -> None:
    with pytest.raises(UserError, match="rank 1 does not like this"):
        run_on_devices(rank_tasks.refuse, settings, job)
    assert (record_of(job.folder)["status"], record_of(job.folder)["error"]) == ("failed", "rank 1 does not like this")


def test_a_mistake_of_the_program_keeps_its_traceback(settings: Settings, job: Job) -> None:
    with pytest.raises(RankError, match=r"(?s)Traceback.*in break_down.*ZeroDivisionError: a mistake"):
        run_on_devices(rank_tasks.break_down, settings, job)
    assert record_of(job.folder)["error"] == "ZeroDivisionError: a mistake of the program"


def test_a_rank_that_is_killed_ends_the_job(settings: Settings, job: Job) -> None:
    start = time.monotonic()
    with pytest.raises(UserError, match=r"rank 1 of 2 was killed by SIGKILL; .*memory"):
        run_on_devices(rank_tasks.die, settings, job)
    assert time.monotonic() - start < 60
    assert record_of(job.folder)["status"] == "failed"


def test_signals_are_handed_on_once(settings: Settings, job: Job) -> None:
    def tell() -> None:
        rank_tasks.pids(job.folder)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    threading.Thread(target=tell).start()
    with pytest.raises(SystemExit) as left:
        run_on_devices(rank_tasks.leave_when_told, settings, job)
    assert left.value.code == 3
    assert [(job.folder / f"told{rank}").read_text() for rank in (0, 1)] == ["x", "x"]
    assert signal.getsignal(signal.SIGTERM) is before
    assert not (job.folder / "run.json").exists(), "who was told to leave has not failed"


# Without Lightning, whose import takes seconds, in the module that counts the ranks.
ALONE = """
from pathlib import Path
import sys
from types import SimpleNamespace
from micacl.run.job import Job
from micacl.process.ranks import run_on_devices
from tests.process import rank_tasks

if __name__ == "__main__":
    sys.modules["micacl.build.trainer"] = SimpleNamespace(ranks_to_start=lambda _: 2)
    run_on_devices(rank_tasks.wait_here, None, Job(Path(sys.argv[1]), "", None, "", True, frozenset()))
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


def test_the_record_of_the_run_that_a_folder_belongs_to_stays_as_it_is(settings: Settings, job: Job) -> None:
    (job.folder / "run.json").write_text('{"status": "finished"}')
    with pytest.raises(OccupiedFolderError, match="another run is here"):
        run_on_devices(rank_tasks.find_another_run, settings, job)
    assert record_of(job.folder) == {"status": "finished"}


def test_a_stop_stays_a_stop(settings: Settings, job: Job) -> None:
    with pytest.raises(Stopped) as stopped:
        run_on_devices(rank_tasks.be_stopped, settings, job)
    assert (stopped.value.code, stopped.value.signal) == (138, signal.SIGUSR1)
    assert not (job.folder / "run.json").exists()


def test_a_stop_at_once_is_no_failure(settings: Settings, job: Job) -> None:
    with pytest.raises(Stopped) as stopped:
        run_on_devices(rank_tasks.leave_at_once, settings, job)
    assert (stopped.value.code, stopped.value.signal) == (130, signal.SIGINT)
    assert record_of(job.folder) == {"status": "interrupted", "error": "interrupted by SIGINT"}
