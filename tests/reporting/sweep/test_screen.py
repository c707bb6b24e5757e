"""What the terminal shows: all of it within 80 columns, as plain text where there is no terminal."""

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType
from tests.run_folders import CLASS_NAMES, HOSTILE_NAMES, results, write_record, write_run

from micacl.errors import UserError
from micacl.rates import war
from micacl.reporting.one_run.table import results_table
from micacl.reporting.sweep.screen import summary_screen
from micacl.reporting.sweep.summary import summarize
from micacl.reporting.text import one_line
from micacl.run_folder.predictions import read_confusion
from micacl.run_folder.record import read_run

CLIPS = [48, 37, 53, 43, 29, 2, 18]
ELEVEN = [*CLASS_NAMES, "contempt", "anxiety", "helplessness", "disappointment"]


def shown(renderable: RenderableType, width: int = 80, terminal: bool = False) -> str:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=terminal, color_system="auto", legacy_windows=False
    )
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    if not terminal:
        assert "\x1b" not in text
        assert max(cell_len(line) for line in text.splitlines()) <= width
        assert "…" not in text, "something was cut off"
    return text


def line_of(text: str, start: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(start)]
    return line.split()


def test_results_of_one_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path, CLIPS, fold=5, seed=3, dataset="dfew")
    text = shown(results_table(folder))
    run = read_run(folder)
    assert run.results is not None
    assert "dfew, fold 5, seed 3, default" in text
    for name, n in zip(CLASS_NAMES, CLIPS, strict=True):
        assert line_of(text, name)[:3] == [name, str(n), f"{100 * (run.results.recall[name] or 0):.2f}"]
    share = 100 * run.results.war if run.results.war is not None else 0
    assert line_of(text, "WAR") == (
        f"WAR {share:.2f} {share + 1:.2f} (epoch 7) {100 * 53 / sum(CLIPS):.2f} always neutral (majority)".split()
    )
    assert line_of(text, "UAR")[-5:] == ["14.29", "always", "one", "class:", "1/7"]
    assert "disagree" not in text


def test_an_absent_class_is_named_and_leaves_the_chance_of_the_others(tmp_path: Path) -> None:
    text = shown(results_table(write_run(tmp_path, [20, 10, 5, 5, 5, 0, 5])))
    assert line_of(text, "disgust") == ["disgust", "0", "–", "no", "test", "clip"]
    assert "16.67" in text
    assert "1/6" in text


def test_without_best_on_test(tmp_path: Path) -> None:
    folder = write_run(tmp_path, [5, 5], class_names=["a", "b"])
    write_record(tmp_path, class_names=["a", "b"], results=results(0.6, 0.5, {"a": 0.5, "b": 0.5}), fold=None)
    text = shown(results_table(folder))
    assert line_of(text, "WAR")[2] == "–"
    assert "best-on-test:" not in text
    assert "fold" not in text


def test_a_long_headline_fits(tmp_path: Path) -> None:
    write_run(tmp_path, CLIPS)
    headline = {"headline": "epoch 17, chosen by UAR on the validation part"}
    write_record(tmp_path, results=results(0.6, 0.5, dict.fromkeys(CLASS_NAMES, 0.5)) | headline)
    assert "measured at: epoch 17, chosen by UAR on the validation part\n" in shown(results_table(tmp_path))


def test_a_sweep_in_which_no_run_has_read_its_data(tmp_path: Path) -> None:
    write_record(tmp_path / "0", status="failed", class_names=[], error="no such folder", results=None)
    text = shown(summary_screen(summarize(tmp_path)))
    assert "no such folder" in text
    assert "Recall" not in text


def test_says_when_the_predictions_are_of_another_epoch(tmp_path: Path) -> None:
    folder = write_run(tmp_path, CLIPS)
    counted = war(read_confusion(read_run(folder)))
    write_record(folder, results=results(0.01, 0.5, dict.fromkeys(CLASS_NAMES, 0.5)))
    text = " ".join(shown(results_table(folder)).split())
    assert f"run.json and predictions.csv disagree: WAR 1.00 against {100 * counted:.2f}." in text


def test_a_run_without_results(tmp_path: Path) -> None:
    write_record(tmp_path, status="failed", error="out of\nmemory", results=None)
    with pytest.raises(UserError, match="has no results: the run is failed: out of memory"):
        results_table(tmp_path)
    write_record(tmp_path, status="running", results=None)
    with pytest.raises(UserError, match="has no results: the run is running"):
        results_table(tmp_path)


@pytest.mark.parametrize("class_names", [CLASS_NAMES, ELEVEN, HOSTILE_NAMES, ["a" * 60, "b c " * 10]])
def test_everything_fits_80_columns(tmp_path: Path, class_names: list[str]) -> None:
    long = "loss.contrastive.weight=0.1 loss.contrastive.form=log model.wian.weight_scale=unit_mean"
    for job in range(4):
        clips = [20 - k for k in range(len(class_names))]
        write_run(
            tmp_path / str(job), clips, class_names, sample=job, fold=job // 2, setting=["default", long][job % 2]
        )
    write_record(tmp_path / "4", class_names=class_names, status="failed", error="x" * 300, results=None)
    text = shown(summary_screen(summarize(tmp_path)))
    for name in class_names:
        assert "".join(one_line(name).split())[:5] in "".join(text.split())
    shown(results_table(tmp_path / "0"))


def test_summary_on_the_screen(tmp_path: Path) -> None:
    for fold in range(1, 6):
        figures = results(0.6, 0.5 + fold / 100, dict.fromkeys(CLASS_NAMES, 0.5), (0.7, 0.6))
        write_record(tmp_path / str(fold), dataset="dfew", fold=fold, results=figures)
    write_record(tmp_path / "6", status="failed", error="[bold]no such clip[/bold]", results=None, dataset="dfew")
    (tmp_path / "7").mkdir()
    text = shown(summary_screen(summarize(tmp_path)), width=100)
    lines = [line.split() for line in text.splitlines()]
    assert ["default", "5", "of", "6", "60.00", "53.00", "70.00", "60.00"] in lines
    assert ["±", "0.00", "±", "1.58", "±", "0.00", "±", "0.00"] in lines
    assert ["MICACL", "published", "–", "–", "69.56", "63.21"] in lines
    assert ["6", "default", "1", "1", "failed", "[bold]no", "such", "clip[/bold]"] in lines
    assert "Jobs that cannot be read" in text


def test_color_on_a_terminal_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_run(tmp_path, CLIPS)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[36m" in shown(results_table(folder), terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[36m" not in shown(results_table(folder), terminal=True)
