"""micacl.train on a Slurm cluster of two nodes on this machine. ``make test-cluster``; not part of ``make test``."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.cluster import slurm
from tests.runs import PATH, TINY, Outcome, read_table, run_apart

SMALL_PATH = os.pathsep.join([str(Path(__file__).parent / "small_network"), PATH])
SECONDS = 300  # the machine may be busy
EPOCHS = 50  # of the job that is requeued: longer than Slurm waits for it to leave
ON_SLURM = (
    "hydra/launcher=slurm",
    "hydra.launcher.gpus_per_node=null",
    "hydra.launcher.mem_gb=null",
    "hydra.launcher.cpus_per_task=1",
    "hydra.launcher.timeout_min=20",
)
ONE_A_NODE = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=1", "trainer.num_nodes=2")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """A cluster, which every command of this module finds. Who runs this has Slurm: not to start is a failure."""
    folder = slurm.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        patch.setenv("PYTHONPATH", SMALL_PATH)
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("MASTER_ADDR", "127.0.0.1")  # n1 and n2 are names of this machine that no resolver knows
        yield
    slurm.stop(folder)


@pytest.fixture(scope="module")
def drawn(cluster: None, cache_dir: Path) -> list[str]:
    """The options of a run on clips that are there already."""
    options = [*TINY, f"cache.dir={cache_dir}"]
    done = run_small([*options, "hydra.run.dir=drawn"], cache_dir)
    assert done.status == 0, done.shown
    return options


def run_small(arguments: Sequence[str], folder: Path) -> Outcome:
    return run_apart(arguments, folder, PYTHONPATH=SMALL_PATH)


def record_of(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return record


def ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def wait_for(ready: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (found := ready()):
        assert time.monotonic() < deadline, what
        time.sleep(0.5)
    return found


def srun(arguments: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    """One task on each node."""
    command = ["srun", "--nodes=2", "--ntasks-per-node=1", "--kill-on-bad-exit=1", "--time=10"]
    return subprocess.Popen(
        [*command, sys.executable, "-m", "micacl.train", *arguments],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def test_a_sweep_of_four_jobs(drawn: list[str], tmp_path: Path) -> None:
    arguments = [*drawn, *ON_SLURM, "fold=1,2", "seed=1,2", "hydra.sweep.dir=sweep", "-m"]
    outcome = run_small(arguments, tmp_path)
    assert outcome.status == 0, outcome.shown
    records = [record_of(tmp_path / "sweep" / str(job)) for job in range(4)]
    assert [(record["status"], record["fold"], record["seed"]) for record in records] == [
        ("finished", fold, seed) for fold in (1, 2) for seed in (1, 2)
    ]
    (row,) = (row for row in read_table(tmp_path / "sweep" / "summary.csv") if row["kind"] == "ours")
    assert (row["n"], row["folds"], row["seeds"]) == ("4", "1 2", "1 2")
    nodes = re.findall(r"\bNodeList=(\S+)", ask("scontrol", "--oneliner", "show", "job"))
    assert {"n1", "n2"} <= set(nodes)


def test_a_job_that_is_requeued_starts_again_and_ends(drawn: list[str], tmp_path: Path) -> None:
    arguments = [*drawn, *ON_SLURM, f"training.epochs={EPOCHS}", "hydra.sweep.dir=sweep", "fold=1", "-m"]
    with (tmp_path / "output").open("w") as output:
        sweep = subprocess.Popen(
            [sys.executable, "-m", "micacl.train", *arguments], cwd=tmp_path, stdout=output, stderr=output
        )
    metrics = tmp_path / "sweep" / "0" / "metrics.csv"
    wait_for(lambda: metrics.is_file() and len(read_table(metrics)) >= 2, "the job does not train")
    (job,) = ask("squeue", "--noheader", "--states=RUNNING", "--format=%i").split()
    ask("scontrol", "requeue", job)
    wait_for(lambda: "JobState=PENDING" in ask("scontrol", "show", "job", job), "the job is not requeued")
    ask("scontrol", "update", f"JobId={job}", "StartTime=now")  # Slurm would wait for two minutes
    wait_for(lambda: "JobState=RUNNING" in ask("scontrol", "show", "job", job), "the job does not start again")
    assert len(read_table(metrics)) < EPOCHS, "it was stopped in the middle"
    assert sweep.wait(timeout=SECONDS) == 0, (tmp_path / "output").read_text()
    (log,) = (tmp_path / "sweep" / ".submitit").glob("*/*_log.out")
    assert log.read_text().count("Starting with JobEnvironment") == 2
    assert record_of(tmp_path / "sweep" / "0")["status"] == "finished"
    assert [row["epoch"] for row in read_table(metrics)] == [str(epoch) for epoch in range(1, EPOCHS + 1)]


def test_a_job_that_is_cancelled_is_named_and_goes_on_by_the_same_command(drawn: list[str], tmp_path: Path) -> None:
    arguments = [*drawn, *ON_SLURM, f"training.epochs={EPOCHS}", "hydra.sweep.dir=sweep", "fold=1", "-m"]
    with (tmp_path / "output").open("w") as output:
        sweep = subprocess.Popen(
            [sys.executable, "-m", "micacl.train", *arguments], cwd=tmp_path, stdout=output, stderr=output
        )
    folder = tmp_path / "sweep" / "0"
    metrics = folder / "metrics.csv"
    wait_for(lambda: metrics.is_file() and len(read_table(metrics)) >= 2, "the job does not train")
    (job,) = ask("squeue", "--noheader", "--states=RUNNING", "--format=%i").split()
    ask("scancel", job)
    assert sweep.wait(timeout=SECONDS) == 1
    shown = (tmp_path / "output").read_text()
    assert re.search(rf"Error: a job of this sweep was cancelled or killed: Job {job} ", shown), shown
    assert "Traceback" not in shown
    assert record_of(folder)["status"] == "interrupted"
    outcome = run_small(arguments, tmp_path)
    assert outcome.status == 0, outcome.shown
    assert record_of(folder)["status"] == "finished"
    assert len(record_of(folder)["resumed"]) == 1
    assert [row["epoch"] for row in read_table(metrics)] == [str(epoch) for epoch in range(1, EPOCHS + 1)]


def test_two_tasks_of_srun_train_together(drawn: list[str], tmp_path: Path) -> None:
    step = srun([*drawn, *ONE_A_NODE, "hydra.run.dir=run"], tmp_path)
    shown, _ = step.communicate(timeout=SECONDS)
    assert step.returncode == 0, shown
    assert shown.count("epoch 1/1") == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "run"]
    assert record_of(tmp_path / "run")["status"] == "finished"
    assert len(read_table(tmp_path / "run" / "predictions.csv")) == 7


def test_a_step_that_loses_a_task_ends_within_a_minute(drawn: list[str], tmp_path: Path) -> None:
    step = srun([*drawn, *ONE_A_NODE, "training.epochs=100000", "hydra.run.dir=run"], tmp_path)
    wait_for((tmp_path / "run" / "metrics.csv").is_file, "the step does not train")
    tasks = ask("pgrep", "--full", f"^{sys.executable} -m micacl.train .*training.epochs=100000").split()
    assert len(tasks) == 2
    os.kill(int(tasks[1]), 9)
    shown, _ = step.communicate(timeout=60)
    assert step.returncode != 0, shown


def test_a_job_of_a_sweep_on_two_nodes(drawn: list[str], tmp_path: Path) -> None:
    arguments = [*drawn, *ON_SLURM, *ONE_A_NODE, "hydra.launcher.nodes=2", "hydra.sweep.dir=sweep", "fold=1", "-m"]
    outcome = run_small(arguments, tmp_path)
    assert outcome.status == 0, outcome.shown
    assert record_of(tmp_path / "sweep" / "0")["status"] == "finished"
    assert (tmp_path / "sweep" / "0" / "train.log").read_text().count("epoch 1/1") == 1
