"""One run in several processes: it gives the figures of one process, and can be killed, stopped and resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from tests.process.test_ranks import is_running
from tests.runs import PATH, TINY, Outcome, read_table, run_apart, run_here, tensors

from micacl.training.checkpoints.reading import read_checkpoint

TWO = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2")
# Two processes add up the same numbers in another order, in float32.
SAME = 2e-4


def record_of(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return record


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
    assert not any(is_running(child.pid) for child in spawned)
