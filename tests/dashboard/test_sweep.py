"""A sweep ends with one W&B run in its group that holds the rows of summary.csv."""

import shutil
from pathlib import Path

import pytest
from tests.dashboard.wandb_file import OfflineRun
from tests.run_folders import write_run
from tests.runs import read_table

from micacl.dashboard.sweep import log_sweep
from micacl.reporting.sweep.summary import summarize
from micacl.run_folder.config import CONFIG_FILE

CLIPS = [12, 10, 14, 11, 7, 2, 5]


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two settings of DFEW, whose published rows stand beside them, on all five folds."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = tmp_path / "my_sweep"
    for job in range(10):
        setting = f"ablation={'ad'[job % 2]}"
        run = write_run(folder / str(job), CLIPS, sample=job, dataset="dfew", fold=1 + job // 2, setting=setting)
        (run / CONFIG_FILE).write_text("logger:\n  name: wandb\n  project: faces\n", encoding="utf-8")
    return folder


def test_the_summary_run(sweep: Path) -> None:
    log_sweep(sweep, summarize(sweep))
    (path,) = (sweep / "wandb").glob("offline-run-*")
    offline = OfflineRun(path)
    assert (offline.run.run_group, offline.run.job_type, offline.run.project) == ("my_sweep", "summary", "faces")
    assert offline.ended
    rows, table = read_table(sweep / "summary.csv"), offline.table("summary")
    assert {row["kind"] for row in table} == {"ours", "published"}
    assert len(rows) == len(table)
    for row, found in zip(rows, table, strict=True):
        for name, cell in row.items():
            if name not in found:
                assert name == "table" or not any(other[name] for other in rows)
            elif isinstance(found[name], float | int):
                assert float(cell) == found[name]
            else:
                assert cell == (found[name] or "")
    assert isinstance(table[0]["uar_mean"], float)
    summarize(sweep)  # what W&B has left there is no run


def test_a_sweep_without_w_and_b_has_none(sweep: Path) -> None:
    for job in sweep.iterdir():
        (job / CONFIG_FILE).write_text("logger:\n  name: none\n  project: faces\n", encoding="utf-8")
    shutil.rmtree(sweep / "9")
    log_sweep(sweep, summarize(sweep))
    assert not (sweep / "wandb").exists()
