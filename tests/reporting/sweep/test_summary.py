"""The summary of a sweep: its CSV, its Markdown and what it says of jobs without a result."""

import csv
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.run_folders import CLASS_NAMES, HOSTILE_NAMES, results, write_record

from micacl.errors import UserError
from micacl.reporting.sweep.summary import summarize
from micacl.run_folder.record import RUN_FILE

RATES = ["war", "uar", "best_on_test_war", "best_on_test_uar"]


def rows(sweep: Path, kind: str) -> list[dict[str, str]]:
    with (sweep / "summary.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["kind"] == kind]


def markdown(sweep: Path) -> str:
    return (sweep / "summary.md").read_text(encoding="utf-8")


def random_results(rng: np.random.Generator, class_names: list[str] = CLASS_NAMES) -> dict[str, object]:
    war, uar, best_war, best_uar, *recall = rng.random(4 + len(class_names)).tolist()
    return results(war, uar, dict(zip(class_names, recall, strict=True)), (best_war, best_uar))


def test_csv_holds_mean_and_deviation_of_every_setting(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    wars: dict[str, list[float]] = {"ablation=a": [], "ablation=b": []}
    fears: dict[str, list[float]] = {"ablation=a": [], "ablation=b": []}
    for job in range(12):
        setting = list(wars)[job % 2]
        figures = random_results(rng)
        wars[setting].append(100 * float(figures["war"]))  # type: ignore[arg-type]
        fears[setting].append(100 * float(figures["recall"]["fear"]))  # type: ignore[index]
        write_record(tmp_path / str(job), setting=setting, fold=job // 2 % 3 + 1, seed=job // 6, results=figures)
    summarize(tmp_path)
    ours = rows(tmp_path, "ours")
    assert [row["setting"] for row in ours] == list(wars)
    for row in ours:
        assert (row["n"], row["jobs"], row["folds"], row["seeds"]) == ("6", "6", "1 2 3", "0 1")
        for name, values in (("war", wars[row["setting"]]), ("recall_fear", fears[row["setting"]])):
            assert float(row[f"{name}_mean"]) == pytest.approx(statistics.fmean(values), abs=5.1e-5)
            assert float(row[f"{name}_std"]) == pytest.approx(statistics.stdev(values), abs=5.1e-5)


def test_one_run_has_no_deviation(tmp_path: Path) -> None:
    write_record(tmp_path / "0")
    summarize(tmp_path)
    (row,) = rows(tmp_path, "ours")
    assert [row[f"{rate}_mean"] for rate in RATES] == ["60.0000", "50.0000", "65.0000", "55.0000"]
    assert [row[f"{rate}_std"] for rate in RATES] == ["", "", "", ""]
    assert "±" not in next(line for line in markdown(tmp_path).splitlines() if line.startswith("| default"))


def test_a_run_folder_can_be_summarised_itself(tmp_path: Path) -> None:
    write_record(tmp_path)
    summarize(tmp_path)
    assert rows(tmp_path, "ours")[0]["n"] == "1"


def test_jobs_without_a_result_say_which_and_why(tmp_path: Path) -> None:
    write_record(tmp_path / "0")
    traceback = 'Traceback (most recent call last):\n  File "x.py"\nRuntimeError: CUDA out of memory\n'
    write_record(tmp_path / "1", status="failed", error="no such clip: 00042\nsecond line", results=None, fold=2)
    write_record(tmp_path / "2", status="failed", error=traceback, results=None, fold=3, seed=7)
    write_record(tmp_path / "3", status="running", results=None, fold=4)
    write_record(tmp_path / "10", status="failed", error=None, results=None, fold=5)
    write_record(tmp_path / "11", results=None)
    (tmp_path / "12").mkdir()
    (tmp_path / "13").mkdir()
    (tmp_path / "13" / RUN_FILE).write_text("{")
    summarize(tmp_path)
    failed = [(row["job"], row["fold"], row["seed"], row["status"], row["error"]) for row in rows(tmp_path, "failed")]
    assert failed[:-1] == [
        ("1", "2", "1", "failed", "no such clip: 00042"),
        ("2", "3", "7", "failed", "RuntimeError: CUDA out of memory"),
        ("3", "4", "1", "unfinished", "still running, or killed"),
        ("10", "5", "1", "failed", "it reported no error"),
        ("11", "1", "1", "no result", "finished, but its run.json holds no WAR and UAR"),
        ("12", "", "", "unreadable", "12 is not the folder of a run: it has no run.json."),
    ]
    assert failed[-1][:4] == ("13", "", "", "unreadable")
    assert "| default | 1 of 6 |" in markdown(tmp_path)
    for text in ("no such clip: 00042", "RuntimeError: CUDA out of memory", "unfinished", "Jobs that cannot be read"):
        assert text in markdown(tmp_path)
    assert "second line" not in markdown(tmp_path)
    assert str(tmp_path) not in markdown(tmp_path)


def test_a_sweep_of_failures_alone(tmp_path: Path) -> None:
    write_record(tmp_path / "0", status="failed", error="boom", results=None)
    summarize(tmp_path)
    (row,) = rows(tmp_path, "ours")
    assert (row["n"], row["jobs"], row["war_mean"], row["folds"]) == ("0", "1", "", "")
    assert "0 of 1" in markdown(tmp_path)


def test_published_figures_stand_under_best_on_test(tmp_path: Path) -> None:
    for fold in range(1, 6):
        write_record(tmp_path / str(fold), dataset="dfew", fold=fold)
    summarize(tmp_path)
    published = rows(tmp_path, "published")
    assert len(published) == 10
    micacl = published[-1]
    assert (micacl["setting"], micacl["protocol"], micacl["headline"]) == ("MICACL", "published", "best on test")
    assert (micacl["best_on_test_war_mean"], micacl["best_on_test_uar_mean"]) == ("69.5600", "63.2100")
    assert (micacl["war_mean"], micacl["uar_mean"]) == ("", "")
    assert (micacl["recall_happiness_mean"], micacl["recall_fear_mean"]) == ("89.2200", "42.5700")
    assert micacl["source"].startswith("Table I (mean of 5 folds)")
    text = markdown(tmp_path)
    assert "test-selected" in text
    assert "those of the last epoch" in text
    assert "61.29" in text


def test_the_ablation_on_fold_5_gets_the_ablation_table(tmp_path: Path) -> None:
    for job, setting in enumerate("abcd"):
        write_record(tmp_path / str(job), dataset="dfew", fold=5, setting=f"ablation={setting}")
    summarize(tmp_path)
    assert [row["setting"] for row in rows(tmp_path, "published")] == [row["setting"] for row in rows(tmp_path, "ours")]


def test_data_sets_and_class_sets_are_never_mixed(tmp_path: Path) -> None:
    eleven = [*CLASS_NAMES, "contempt", "anxiety", "helplessness", "disappointment"]
    write_record(tmp_path / "0", dataset="mafw")
    write_record(tmp_path / "1", dataset="mafw", class_names=eleven)
    write_record(tmp_path / "2", dataset="synthetic")
    write_record(tmp_path / "3", dataset="mafw", class_names=CLASS_NAMES[::-1])
    summary = summarize(tmp_path)
    assert [(table.dataset, len(table.class_names)) for table in summary.tables] == [
        ("mafw", 7),
        ("mafw", 11),
        ("synthetic", 7),
        ("mafw", 7),
    ]
    ours = rows(tmp_path, "ours")
    assert [(row["table"], row["dataset"], row["recall_contempt_mean"]) for row in ours] == [
        ("1", "mafw", ""),
        ("2", "mafw", "50.0000"),
        ("3", "synthetic", ""),
        ("4", "mafw", ""),
    ]
    assert markdown(tmp_path).count("\n## ") == 4


def test_jobs_that_failed_before_they_read_their_data_stand_with_the_others(tmp_path: Path) -> None:
    early: dict[str, Any] = {"status": "failed", "class_names": [], "error": "no such folder", "results": None}
    write_record(tmp_path / "0", **early)
    write_record(tmp_path / "1")
    write_record(tmp_path / "2", **early)
    write_record(tmp_path / "3", dataset="dfew", **early)
    first, second = summarize(tmp_path).tables
    assert (first.class_names, [job.job for job in first.failed]) == (tuple(CLASS_NAMES), ["0", "2"])
    assert (second.dataset, second.class_names, [job.job for job in second.failed]) == ("dfew", (), ["3"])
    assert "1 of 3" in markdown(tmp_path)
    assert "\n## dfew\n" in markdown(tmp_path)


def test_absent_classes_and_undefined_rates(tmp_path: Path) -> None:
    recall: dict[str, float | None] = dict.fromkeys(CLASS_NAMES, 0.5)
    write_record(tmp_path / "0", results=results(0.5, 0.5, recall | {"disgust": None, "fear": float("nan")}))
    write_record(tmp_path / "1", fold=2, results=results(0.5, 0.5, recall | {"disgust": None, "fear": 0.25}))
    summarize(tmp_path)
    (row,) = rows(tmp_path, "ours")
    assert (row["recall_disgust_mean"], row["recall_disgust_n"]) == ("", "0")
    assert (row["recall_fear_mean"], row["recall_fear_std"], row["recall_fear_n"]) == ("25.0000", "", "1")
    assert (row["best_on_test_war_mean"], row["best_on_test_war_std"]) == ("", "")
    assert "default: disgust has no test clip in 2 of 2 runs." in markdown(tmp_path)
    assert "default: fear has no test clip in 1 of 2 runs." in markdown(tmp_path)


def test_warns_where_means_cannot_be_compared(tmp_path: Path) -> None:
    write_record(tmp_path / "0", setting="a", fold=1)
    write_record(tmp_path / "1", setting="a", fold=2)
    write_record(tmp_path / "2", setting="b", fold=1, git_commit="fedcba9876543210")
    write_record(tmp_path / "3", setting="b", fold=1)
    summarize(tmp_path)
    text = markdown(tmp_path)
    assert "not run on the same folds and seeds" in text
    assert "b: fold 1, seed 1 occurs 2 times" in text
    assert "2 versions of the code: 0123456789, fedcba9876" in text


def test_an_even_sweep_is_not_warned_about(tmp_path: Path) -> None:
    for job in range(4):
        write_record(tmp_path / str(job), setting="ab"[job % 2], fold=job // 2)
    (table,) = summarize(tmp_path).tables
    assert len(table.footnotes) == 2
    assert "last epoch" in table.footnotes[0]
    assert table.footnotes[1].startswith("best-on-test")


def test_hostile_names_survive_the_csv(tmp_path: Path) -> None:
    setting = 'x="a,b"\n|<b>'
    write_record(tmp_path / "0", class_names=HOSTILE_NAMES, dataset="<i>|$d$", setting=setting)
    summarize(tmp_path)
    (row,) = rows(tmp_path, "ours")
    assert (row["setting"], row["dataset"]) == (setting, "<i>|$d$")
    assert all(row[f"recall_{name}_mean"] == "50.0000" for name in HOSTILE_NAMES)
    assert "<script>" not in markdown(tmp_path)
    assert "\x1b" not in markdown(tmp_path)


def test_no_runs(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="holds no run"):
        summarize(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_summarising_again_changes_nothing(tmp_path: Path) -> None:
    write_record(tmp_path / "0")
    summarize(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    summarize(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert set(before) == {"summary.csv", "summary.md"}


def test_a_summary_that_cannot_be_written_is_an_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    write_record(tmp_path / "0")
    (tmp_path / "summary.md").mkdir()
    with pytest.raises(UserError, match=r"Cannot write .*summary\.md"):
        summarize(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "summary.csv", "summary.md"]


def test_importing_the_summary_is_light() -> None:
    heavy = ["torch", "matplotlib", "sklearn", "numpy", "pandas", "rich", "hydra", "lightning"]
    code = f"import sys, micacl.reporting.sweep.summary; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
