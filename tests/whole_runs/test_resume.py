"""A run that is stopped at any moment, and started again by the same command, ends as one that nothing disturbed."""

import json
import os
import signal
from collections.abc import Callable
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from tests.dashboard.wandb_file import OfflineRun
from tests.processes import fork_server
from tests.runs import TINY, assert_refused, read_table, run_here, tensors
from tests.whole_runs.small_train import train

from micacl.training.checkpoints.reading import read_checkpoint

# Three steps an epoch, three epochs; saved after every step.
OPTIONS = (*TINY, "training.epochs=3", "trainer.checkpoint_minutes=0")
SECONDS = 240


class Ended(NamedTuple):
    """How a process ended: its status, or minus the signal that killed it, and what it has shown."""

    status: int
    shown: str


Start = Callable[..., Ended]


@pytest.fixture(scope="module")
def start(cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts a training in a process of its own, forked from one that has imported everything."""
    context = fork_server()
    output = tmp_path_factory.mktemp("output") / "screen"

    def run(*arguments: str, hits: str = "", file_limit: int = 0, **environment: str) -> Ended:
        variables = {"OMP_NUM_THREADS": "1", "COLUMNS": "200", **environment}
        options = [*OPTIONS, f"cache.dir={cache_dir}", *arguments]
        process = context.Process(target=train, args=(options, hits, output, variables, file_limit))
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            pytest.fail(f"it did not end: {output.read_text()}")
        return Ended(process.exitcode, output.read_text())

    return run


@pytest.fixture(scope="module")
def undisturbed(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbs; it saves after epochs alone, which must not matter."""
    folder = tmp_path_factory.mktemp("undisturbed")
    ended = start(f"hydra.run.dir={folder}", "trainer.checkpoint_minutes=60")
    assert ended.status == 0, ended.shown
    assert not (folder / "checkpoints" / "previous.ckpt").exists()
    return folder


def assert_same_end(folder: Path, undisturbed: Path) -> None:
    """Weights, optimiser, noise, figures and predictions, bit for bit."""
    for name, parts in (
        ("last.ckpt", ("state_dict", "optimizer_states", "lr_schedulers", "random_states", "figures")),
        ("best.safetensors", ("state_dict",)),
    ):
        ours, theirs = (read_checkpoint(path / "checkpoints" / name) for path in (folder, undisturbed))
        for part in parts:
            found, expected = tensors(ours[part]), tensors(theirs[part])
            assert found.keys() == expected.keys()
            assert all(torch.equal(found[place], expected[place]) for place in expected), part
        assert ours["epoch"] == theirs["epoch"]
    rows = [read_table(path / "metrics.csv") for path in (folder, undisturbed)]
    for row in (*rows[0], *rows[1]):
        del row["seconds"], row["data_wait"]
    assert rows[0] == rows[1]
    assert (folder / "predictions.csv").read_bytes() == (undisturbed / "predictions.csv").read_bytes()
    records = [json.loads((path / "run.json").read_text()) for path in (folder, undisturbed)]
    assert [record["status"] for record in records] == ["finished", "finished"]
    assert records[0]["results"] == records[1]["results"]


def test_a_run_that_is_killed_again_and_again(start: Start, undisturbed: Path, tmp_path: Path) -> None:
    # The first starts reach no checkpoint, the others each get a bit further; "write" counts two for a checkpoint.
    for hits in ("step:1", "step:2", "step:2", "write:1", "write:4", "validation:1", "rename:9", "step:2", "test:1"):
        ended = start(f"hydra.run.dir={tmp_path}", hits=f"{hits}:SIGKILL")
        assert ended.status == -signal.SIGKILL, (hits, ended.shown)
    ended = start(f"hydra.run.dir={tmp_path}", hits="pictures:1:SIGKILL")
    assert ended.status == -signal.SIGKILL
    ended = start(f"hydra.run.dir={tmp_path}")
    assert ended.status == 0, ended.shown
    assert "resuming from step 9" in ended.shown
    assert_same_end(tmp_path, undisturbed)
    assert {path.name for path in (tmp_path / "checkpoints").iterdir() } == {
        "best.safetensors", "last.ckpt",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("hit", "saved"),
    [("step:5:SIGTERM", "saved epoch 2, step 5 "), ("validation:2:SIGINT", "saved epoch 2, step 6 ")],
)
def test_a_signal_saves_and_leaves_and_the_same_command_goes_on(
    start: Start, undisturbed: Path, tmp_path: Path, hit: str, saved: str
) -> None:
    signum = signal.Signals[hit.split(":")[2]]
    # Saved for the signal alone; with processes that load ahead, of which nothing may be skipped or come twice.
    options = (f"hydra.run.dir={tmp_path}", "trainer.checkpoint_minutes=60", "dataset.num_workers=1")
    ended = start(*options, hits=hit)
    assert ended.status == 128 + signum, ended.shown
    assert saved in ended.shown
    assert f"Stopped by {signum.name}. The same command resumes it in {tmp_path}" in ended.shown
    assert "leaving 0 processes" in ended.shown
    assert "Traceback" not in ended.shown
    record = json.loads((tmp_path / "run.json").read_text())
    assert (record["status"], record["error"]) == ("interrupted", f"interrupted by {signum.name}")
    ended = start(*options)
    assert ended.status == 0, ended.shown
    assert_same_end(tmp_path, undisturbed)
    record_before = (tmp_path / "run.json").read_bytes()
    ended = start(*options)
    assert ended.status == 0
    assert "holds this run, finished" in ended.shown
    assert "epoch" not in ended.shown
    assert (tmp_path / "run.json").read_bytes() == record_before


def test_ctrl_c_twice_leaves_at_once(start: Start, tmp_path: Path) -> None:
    options = (f"hydra.run.dir={tmp_path}", "trainer.checkpoint_minutes=60")
    ended = start(*options, hits="step:2:SIGINT,step:2:SIGINT")
    assert ended.status == 128 + signal.SIGINT
    assert "leaving at once" in ended.shown
    assert "Traceback" not in ended.shown
    assert not (tmp_path / "checkpoints").exists()


def test_the_dashboard_gets_one_run(start: Start, tmp_path: Path) -> None:
    options = (f"hydra.run.dir={tmp_path}", "logger=wandb")
    assert start(*options, hits="step:5:SIGKILL", WANDB_MODE="offline").status == -signal.SIGKILL
    run_id = json.loads((tmp_path / "run.json").read_text())["wandb_id"]
    assert start(*options, WANDB_MODE="offline").status == 0
    first, second = sorted((tmp_path / "wandb").glob("offline-run-*"))  # by their dates; each start leaves one
    assert [path.name.rpartition("-")[2] for path in (first, second)] == [run_id, run_id]
    # W&B had not yet written what the first was told: the second has it all, each epoch as a step.
    run = OfflineRun(second)
    assert run.run.run_id == run_id
    rows = read_table(tmp_path / "metrics.csv")
    assert [(step["_step"], step["epoch"]) for step in run.steps[: len(rows)]] == [(1, 1), (2, 2), (3, 3)]
    for step, row in zip(run.steps, rows, strict=False):
        assert step["train/total"] == float(row["train/total"])


SCONTROL = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
"""


def test_slurm_is_asked_to_run_the_job_again(start: Start, tmp_path: Path) -> None:
    (tmp_path / "scontrol").write_text(SCONTROL)
    (tmp_path / "scontrol").chmod(0o755)
    slurm = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "71", "SLURM_JOB_NAME": "study"}
    srun = {"SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
    folder = tmp_path / "run"
    ended = start(f"hydra.run.dir={folder}", hits="step:2:SIGUSR1", **slurm, **srun)
    assert ended.status == 128 + signal.SIGUSR1, ended.shown
    assert "job 71 is requeued" in ended.shown
    assert "Traceback" not in ended.shown
    assert (tmp_path / "calls").read_text() == "requeue 71\n"
    assert not list(folder.glob("hpc_ckpt*")), "Lightning has not saved too"
    # SIGTERM also comes when somebody cancels the job.
    ended = start(f"hydra.run.dir={folder}", hits="step:2:SIGTERM", **slurm, **srun)
    assert ended.status == 128 + signal.SIGTERM
    array = {"SLURM_ARRAY_JOB_ID": "70", "SLURM_ARRAY_TASK_ID": "3"}
    ended = start(f"hydra.run.dir={folder}", hits="step:2:SIGUSR1", **slurm, **srun, **array)
    assert "job 70_3 is requeued" in ended.shown
    assert (tmp_path / "calls").read_text() == "requeue 71\nrequeue 70_3\n"
    # A folder with a time stamp would not be found again.
    stamped = f"hydra.run.dir={tmp_path}/${{now:%Y}}"
    ended = start(stamped, hits="step:1:SIGUSR1", **slurm)
    assert "is not requeued" in ended.shown
    assert f"The same command with hydra.run.dir={tmp_path}/2" in ended.shown


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    start: Start, undisturbed: Path, tmp_path: Path
) -> None:
    assert start(f"hydra.run.dir={tmp_path}", hits="step:6:SIGKILL").status == -signal.SIGKILL
    last = tmp_path / "checkpoints" / "last.ckpt"
    flip(last, last.stat().st_size // 2)
    ended = start(f"hydra.run.dir={tmp_path}")
    assert ended.status == 0, ended.shown
    assert f"{last} is damaged" in ended.shown
    assert "resuming from step 4" in ended.shown
    assert_same_end(tmp_path, undisturbed)


def test_a_disk_that_is_full_loses_no_checkpoint(start: Start, undisturbed: Path, tmp_path: Path) -> None:
    options = (f"hydra.run.dir={tmp_path}", "trainer.checkpoint_minutes=60")
    assert start(*options, hits="step:3:SIGTERM").status == 128 + signal.SIGTERM
    before = (tmp_path / "checkpoints" / "last.ckpt").read_bytes()
    ended = start(*options, file_limit=len(before) // 2)
    assert ended.status == 1
    assert "Cannot write" in ended.shown
    assert "Traceback" not in ended.shown
    assert (tmp_path / "checkpoints" / "last.ckpt").read_bytes() == before
    assert not list((tmp_path / "checkpoints").glob(".*"))
    assert start(*options).status == 0
    assert_same_end(tmp_path, undisturbed)


def test_a_log_that_does_not_fit_on_the_disk_is_no_traceback(start: Start, tmp_path: Path) -> None:
    (tmp_path / "train.log").symlink_to("/dev/full")
    ended = start(f"hydra.run.dir={tmp_path}", "training.epochs=1")
    assert ended.status == 0, ended.shown
    assert "epoch 1/1" in ended.shown
    assert "Traceback" not in ended.shown


def test_a_loading_process_that_is_killed(start: Start, undisturbed: Path, tmp_path: Path) -> None:
    options = (f"hydra.run.dir={tmp_path}", "dataset.num_workers=1")
    ended = start(*options, hits="worker:4:SIGKILL")
    assert ended.status == 1, ended.shown
    assert "Error: a process that loads clips has died" in ended.shown
    assert "Traceback" not in ended.shown
    assert start(*options).status == 0
    assert_same_end(tmp_path, undisturbed)


def test_a_folder_is_kept_from_other_runs(start: Start, undisturbed: Path) -> None:
    before = (undisturbed / "predictions.csv").read_bytes()
    ended = start(f"hydra.run.dir={undisturbed}", "seed=2", "training.batch_size=4")
    assert ended.status == 1
    assert "holds a run with other options: " in ended.shown
    assert "training.batch_size is 8 there and 4 here" in ended.shown
    assert "Traceback" not in ended.shown
    assert (undisturbed / "predictions.csv").read_bytes() == before


def test_a_folder_in_which_another_process_trains(
    small_network: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("micacl.files._SECONDS_OF_ORPHANS", 0.5)
    with (tmp_path / ".lock").open("w") as lock:
        flock(lock, LOCK_EX)  # as filelock does
        outcome = run_here([*OPTIONS, f"hydra.run.dir={tmp_path}"])
    assert_refused(outcome, f"Error: another process is training in {tmp_path}")
    assert outcome.status == 1
    assert not (tmp_path / "run.json").exists()


def statuses(folder: Path) -> list[str | None]:
    paths = [folder / str(job) / "run.json" for job in range(3)]
    return [json.loads(path.read_text())["status"] if path.exists() else None for path in paths]


def test_a_sweep_goes_on(start: Start, undisturbed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    sweep = ("seed=1,2,3", f"hydra.sweep.dir={folder}", "-m")
    # The second job is stopped in its fifth step, and the third is not begun.
    ended = start(*sweep, hits="step:14:SIGTERM")
    assert ended.status == 128 + signal.SIGTERM, ended.shown
    assert statuses(folder) == ["finished", "interrupted", None]
    first = (folder / "0" / "run.json").read_bytes()
    # Something is in the way of the third.
    (folder / "2" / "metrics.csv").mkdir(parents=True)
    ended = start(*sweep)
    assert ended.status == 1, ended.shown
    assert statuses(folder) == ["finished", "finished", "failed"]
    assert "Traceback" not in ended.shown
    (folder / "2" / "metrics.csv").rmdir()
    ended = start(*sweep)
    assert ended.status == 0, ended.shown
    assert statuses(folder) == ["finished", "finished", "finished"]
    assert (folder / "0" / "run.json").read_bytes() == first
    (row,) = (row for row in read_table(folder / "summary.csv") if row["kind"] == "ours")
    assert (row["n"], row["seeds"]) == ("3", "1 2 3")
    assert_same_end(folder / "0", undisturbed)
