"""The launcher of Slurm's jobs, without Slurm; tests/cluster has one."""

from pathlib import Path
from typing import Any

import pytest
import submitit
from submitit.core.utils import UncompletedJobError
from tests.runs import assert_refused, run_here


class CancelledJob:
    """What submitit says of a job that was cancelled."""

    def results(self) -> list[Any]:
        raise UncompletedJobError(
            "Job 7_0 (task: 0) with path 7_0_result.pkl\nhas not produced any output (state: CANCELLED by 0)\n"
            'Error stream produced:\nTraceback (most recent call last):\n  File "a.py"'
        )


class Executor:
    """Takes submitit's place."""

    def __init__(self, folder: str, cluster: str, **_: Any) -> None:
        assert cluster == "slurm"
        (Path(folder).parents[1] / "0").mkdir(parents=True)  # of the first job, which was begun

    def update_parameters(self, **parameters: Any) -> None:
        assert parameters["timeout_min"] == 20

    def map_array(self, launcher: Any, overrides: tuple[list[str], ...], *_: Any) -> list[CancelledJob]:
        assert [job[-1] for job in overrides] == ["fold=1", "fold=2"]
        return [CancelledJob() for _ in overrides]


def test_a_cancelled_job_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submitit, "AutoExecutor", Executor)
    arguments = ["hydra/launcher=slurm", "hydra.launcher.timeout_min=20", f"hydra.sweep.dir={tmp_path}", "fold=1,2"]
    outcome = run_here([*arguments, "-m"])
    assert_refused(outcome, "cancelled or killed: Job 7_0 ", "(state: CANCELLED by 0). Other jobs continue",
                   f"the same command with hydra.sweep.dir={tmp_path} resumes")  # fmt: skip
