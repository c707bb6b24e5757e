"""One run in several processes: what becomes of results, errors, deaths, logs and signals."""

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
import torch
from tests.process import rank_tasks
from tests.runs import PATH, TINY, Outcome, read_table, run_apart, run_here, tensors

from micacl.errors import OccupiedFolderError, UserError
from micacl.process import ranks
from micacl.process.ranks import RankError, run_in_ranks
from micacl.process.stop import Stopped
from micacl.training.checkpoints.reading import read_checkpoint

ResultT = TypeVar("ResultT")

TWO = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2")
# Two processes add up the same numbers in another order, in float32.
SAME = 2e-4


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
    while any(map(_runs, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _runs(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


@pytest.fixture(scope="module")
def alone(small_network: None, cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process, which also draws the clips."""
    folder = tmp_path_factory.mktemp("alone")
    outcome = run_here([*TINY, "training.epochs=2", f"cache.dir={cache_dir}", f"hydra.run.dir={folder}"])
    assert outcome.status == 0, outcome.shown
    return folder


@pytest.fixture(scope="module")
def sweep(alone: Path, cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """Two jobs of two processes each, and what they said."""
    folder = tmp_path_factory.mktemp("sweep")
    options = [*TINY, *TWO, "training.epochs=2", "logger=wandb", f"cache.dir={cache_dir}", "hydra.sweep.dir=sweep"]
    nobody: dict[str, Any] = {"WANDB_API_KEY": None, "WANDB_MODE": None, "NETRC": str(folder / "none")}
    outcome = run_apart([*options, "fold=1..2", "-m"], folder, module="tests.whole_runs.small_ranks", **nobody)
    assert outcome.status == 0, outcome.shown
    return folder, outcome


def test_a_sweep_of_two_processes_a_job(alone: Path, sweep: tuple[Path, Outcome]) -> None:
    folder, outcome = sweep
    assert list(folder.iterdir()) == [folder / "sweep"], "all ranks are in the job's own folder"
    jobs = [folder / "sweep" / number for number in "01"]
    for job, fold in zip(jobs, (1, 2), strict=True):
        assert (record_of(job)["status"], record_of(job)["fold"]) == ("finished", fold)
        assert [row["epoch"] for row in read_table(job / "metrics.csv")] == ["1", "2"]
        assert (job / "train.log").read_text().count("epoch 2/2") == 1
        assert len(list((job / "wandb").glob("offline-run-*"))) == 1
    assert outcome.shown.count("epoch 2/2") == 2
    (row,) = (row for row in read_table(folder / "sweep" / "summary.csv") if row["kind"] == "ours")
    assert (row["n"], row["folds"]) == ("2", "1 2")
    assert_same_figures(alone, jobs[0])


def assert_same_figures(one: Path, other: Path) -> None:
    """Every loss, rate and probability of two runs agrees."""
    for row, row2 in zip(read_table(one / "metrics.csv"), read_table(other / "metrics.csv"), strict=True):
        assert row.keys() == row2.keys()
        for name in row.keys() - {"seconds", "data_wait"}:
            assert float(row2[name]) == pytest.approx(float(row[name]), rel=SAME, abs=SAME), name
    for row, row2 in zip(read_table(one / "predictions.csv"), read_table(other / "predictions.csv"), strict=True):
        assert row["clip"] == row2["clip"]
        for name in (name for name in row if name.startswith("p_")):
            assert float(row2[name]) == pytest.approx(float(row[name]), abs=SAME), (row["clip"], name)


def test_a_job_that_is_killed_and_stopped_ends_as_one_that_nothing_disturbed(
    sweep: tuple[Path, Outcome], cache_dir: Path, tmp_path: Path
) -> None:
    options = [*TINY, *TWO, "training.epochs=2", "trainer.checkpoint_minutes=0", f"cache.dir={cache_dir}"]
    shown = []
    # Of three steps an epoch: the first start is killed in the third, the second told to leave in the fifth.
    for hit, status in (("3:SIGKILL", -signal.SIGKILL), ("3:SIGTERM", 128 + signal.SIGTERM), ("", 0)):
        outcome = run_apart([*options, "hydra.run.dir=run"], tmp_path, module="tests.whole_runs.small_ranks", HIT=hit)
        assert outcome.status == status, outcome.shown
        assert "Traceback" not in outcome.shown
        shown.append(outcome.shown)
    assert "resuming from step 2," in shown[1]
    assert "saved epoch 2, step 5 in" in shown[1]
    assert "resuming from step 5," in shown[2]
    assert record_of(tmp_path / "run")["status"] == "finished"
    undisturbed = sweep[0] / "sweep" / "0"
    ours, theirs = (read_checkpoint(folder / "checkpoints" / "last.ckpt") for folder in (tmp_path / "run", undisturbed))
    for part in ("state_dict", "optimizer_states", "random_states"):
        found, expected = tensors(ours[part]), tensors(theirs[part])
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[place], expected[place]) for place in expected), part
    rows = [read_table(folder / "metrics.csv") for folder in (tmp_path / "run", undisturbed)]
    for row in (*rows[0], *rows[1]):
        del row["seconds"], row["data_wait"]
    assert rows[0] == rows[1]
    assert (tmp_path / "run" / "predictions.csv").read_bytes() == (undisturbed / "predictions.csv").read_bytes()


def test_a_training_loses_a_rank(alone: Path, cache_dir: Path, tmp_path: Path) -> None:
    options = [*TINY, *TWO, "training.epochs=2000", f"cache.dir={cache_dir}", "hydra.run.dir=run"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.whole_runs.small_ranks", *options], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, env=os.environ | {"PYTHONPATH": PATH, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 240
    while not (tmp_path / "run" / "metrics.csv").is_file():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    children = psutil.Process(process.pid).children()
    spawned = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    assert len(spawned) == 2
    max(spawned, key=lambda child: (child.create_time(), child.pid)).kill()  # times are rounded to 10 ms
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "rank 1 of 2 was killed by SIGKILL" in shown
    assert "Traceback" not in shown
    assert record_of(tmp_path / "run")["status"] == "failed"
    assert "rank 1 of 2 was killed" in record_of(tmp_path / "run")["error"]
    assert not any(_runs(child.pid) for child in spawned)


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
