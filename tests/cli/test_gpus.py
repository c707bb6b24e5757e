"""The joblib launcher: each job its own GPU. No GPU is needed to count and to share them."""

import itertools
import json
from pathlib import Path

import pytest
from tests.runs import run_apart

from micacl.cli.gpus import num_gpus, visible_gpus


@pytest.mark.parametrize(
    ("visible", "names"), [("0,1", ["0", "1"]), (" 3, GPU-5a ", ["3", "GPU-5a"]), ("", []), ("2", ["2"])]
)
def test_gpus_are_counted_as_cuda_would(monkeypatch: pytest.MonkeyPatch, visible: str, names: list[str]) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert visible_gpus() == names
    assert num_gpus() == max(1, len(names))


def test_gpus_are_counted_where_nothing_restricts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    assert visible_gpus() == ["0", "1", "2"]


def test_each_job_has_a_gpu_of_its_own(tmp_path: Path) -> None:
    arguments = ["hydra/launcher=gpus", "hydra.sweep.dir=sweep", "seed=1..7", "-m"]
    outcome = run_apart(arguments, tmp_path, module="tests.cli.gpu_task", CUDA_VISIBLE_DEVICES="3,5,7")
    assert "launching 7 jobs" in outcome.shown, outcome.shown
    seen = [json.loads(path.read_text()) for path in (tmp_path / "sweep").glob("*/seen.json")]
    assert len(seen) == 7, outcome.shown
    assert {job["gpus"] for job in seen} == {"3", "5", "7"}
    for one, other in itertools.combinations(seen, 2):
        assert (one["gpus"] == other["gpus"]) == (one["process"] == other["process"])
