"""The record of a job whose ranks could not write how they ended."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.runs import TINY, compose_settings

from micacl.run import devices
from micacl.run.job import Job
from micacl.settings import Settings


def nothing(settings: Settings, job: Job) -> None:
    """The task; no rank is started."""


@pytest.mark.parametrize("begun", [{}, {"status": "running", "error": None, "seed": 9}])
def test_the_end_is_recorded_whether_a_rank_has_begun_the_record_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: dict[str, Any]
) -> None:
    def two_ranks_fail(*arguments: Any) -> None:
        assert arguments[:3] == (nothing, (settings, job), 2)
        record_end: Callable[[str, str], None] = arguments[3]
        record_end("failed", "rank 0 was killed")

    monkeypatch.setattr(devices, "ranks_to_start", lambda _: 2)
    monkeypatch.setattr(devices, "run_in_ranks", two_ranks_fail)
    settings = compose_settings(*TINY, "seed=7")
    job = Job(tmp_path, "default", None, "seed: 7\n", repeatable=True, given=frozenset())
    if begun:
        (tmp_path / "run.json").write_text(json.dumps(begun))
    devices.run_on_devices(nothing, settings, job)
    record = json.loads((tmp_path / "run.json").read_text())
    assert (record["status"], record["error"]) == ("failed", "rank 0 was killed")
    assert record["seed"] == (9 if begun else 7)
