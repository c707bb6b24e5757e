"""The command: what it refuses, what it writes, and that it writes it whole."""

import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from matplotlib.image import imread
from PIL import Image
from tests.run_folders import (
    CLASS_NAMES,
    HOSTILE_NAMES,
    aliases_of_aliases,
    picture,
    write_images,
    write_record,
    write_run,
)
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from micacl.report import main
from micacl.reporting.published import published_tables
from micacl.run_folder.config import CONFIG_FILE
from micacl.run_folder.features import FEATURES_FILE
from micacl.run_folder.images import FRAMES_FILE, THUMBNAILS_FILE
from micacl.run_folder.instances import INSTANCES_FILE
from micacl.run_folder.metrics import METRICS_FILE
from micacl.run_folder.predictions import PREDICTIONS_FILE
from micacl.run_folder.record import RUN_FILE

CLIPS = [12, 10, 14, 11, 7, 2, 5]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def text_of(page: Path) -> str:
    """The page without its scripts and styles, as text."""
    html = re.sub(r"<(script|style).*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    assert isinstance(stopped.value.code, str)
    assert "Traceback" not in stopped.value.code
    assert capsys.readouterr().out == ""
    return stopped.value.code


def test_refuses_what_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, tmp_path / "nowhere").endswith("no such folder.")
    (tmp_path / "notes.txt").touch()
    assert "holds no run" in refusal(capsys, tmp_path)
    assert "no such folder" in refusal(capsys, tmp_path / "notes.txt")
    write_record(tmp_path / "run")
    (tmp_path / "empty").mkdir()
    assert "empty holds no run" in refusal(capsys, tmp_path / "run", tmp_path / "empty")
    assert sorted(path.name for path in tmp_path.rglob("*.html")) == []


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run(tmp_path / "run", CLIPS)
    out = tmp_path / "missing" / "report.html"
    assert "Cannot write" in refusal(capsys, folder, "--out", out)
    (folder / "report.html").mkdir()
    assert "Cannot write" in refusal(capsys, folder)
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="Cannot write"):
        main([str(folder), "--out", str(tmp_path / "report.html"), "--figures", str(tmp_path / "file")])


def test_the_same_runs_give_the_same_page(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", CLIPS)
    main([str(folder)])
    first = (folder / "report.html").read_bytes()
    main([str(folder), "--out", str(tmp_path / "second.html")])
    assert (tmp_path / "second.html").read_bytes() == first


def test_runs_without_any_result(tmp_path: Path) -> None:
    write_record(tmp_path / "0", status="failed", class_names=[], error="no such folder", results=None)
    write_record(tmp_path / "1", status="running", class_names=[], results=None)
    (tmp_path / "2").mkdir()
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / RUN_FILE).write_text("{")
    main([str(tmp_path), "--figures", str(tmp_path / "figures")])
    text = text_of(tmp_path / "report.html")
    for sentence in ("no such folder", "still running, or killed", "No run has finished.", "Jobs that cannot be read",
                     "it has no run.json"):  # fmt: skip
        assert sentence in text
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["synthetic_results.tex"]


def test_aliases_of_aliases_are_not_followed(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", CLIPS)
    bomb = aliases_of_aliases(levels=5)  # 600 bytes that stand for 500 kB; a few more levels, and it were gigabytes
    (folder / CONFIG_FILE).write_text(bomb)
    main([str(folder)])
    assert "run : config.yaml is damaged and cannot be read as YAML: it holds an alias" in text_of(
        folder / "report.html"
    )
    assert (folder / "report.html").read_text(encoding="utf-8").count("lol") == 0


@pytest.mark.parametrize("name", [PREDICTIONS_FILE, FEATURES_FILE, METRICS_FILE, CONFIG_FILE])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00 not this", b"clip,label\n1,2\n"])
def test_a_missing_or_damaged_file_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    folder = write_run(tmp_path / "run", CLIPS)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    main([str(folder), *(["--figures", str(tmp_path / "figures")] if content is None else [])])
    text = text_of(folder / "report.html")
    if name == FEATURES_FILE and content is None:
        assert "No finished run has recorded its features." in text
    else:
        assert re.search(rf"run : {re.escape(name)} (is missing|is damaged|holds no|does not fit)", text)
    assert str(tmp_path) not in text


@pytest.mark.parametrize(
    ("name", "arrays", "message"),
    [
        (INSTANCES_FILE, {"clip": ["a"], "weights": [[-1.0, 2.0]]}, "negative or not finite"),
        (INSTANCES_FILE, {"clip": ["a"], "weights": [[np.nan, 2.0]]}, "negative or not finite"),
        (INSTANCES_FILE, {"clip": ["a", "b"], "weights": [[1.0]]}, "not those of its clips"),
        (INSTANCES_FILE, {"clip": ["a"], "weights": [[1.0, 1.0]], "adjacency": [[1.0]]}, "not of 2 instances"),
        (INSTANCES_FILE, {"clip": ["a"]}, "weights is not a file in the archive"),
        (INSTANCES_FILE, {"clip": np.array([None]), "weights": [[1.0]]}, "cannot be read"),
        (THUMBNAILS_FILE, {"clip": ["00000"], "data": np.zeros(9, np.uint8), "offsets": [0, 9]}, "damaged picture"),
        (THUMBNAILS_FILE, {"clip": ["00000"], "data": np.zeros(9, np.uint8), "offsets": [0, 8]}, "do not fit"),
        (THUMBNAILS_FILE, {"clip": ["00000"], "data": np.zeros(9), "offsets": [0, 9]}, "do not fit"),
        (THUMBNAILS_FILE, {"clip": np.array([None]), "data": np.zeros(9, np.uint8), "offsets": [0, 9]}, "cannot be"),
    ],
)
def test_damaged_extras_are_named(tmp_path: Path, name: str, arrays: dict[str, Any], message: str) -> None:
    folder = write_run(tmp_path / "run", CLIPS)
    np.savez(folder / name, **arrays)
    main([str(folder)])
    text = text_of(folder / "report.html")
    assert name in text
    assert message in text


def test_frames_that_do_not_fit_the_weights(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", CLIPS)
    np.savez(folder / INSTANCES_FILE, clip=["00001"], weights=[[0.5, 0.5]])
    write_images(folder / FRAMES_FILE, ["00001"] * 3, [picture(9)] * 3)
    main([str(folder)])
    assert "the 3 frames of 00001 cannot be 2 instances" in text_of(folder / "report.html")
    write_images(folder / FRAMES_FILE, ["other"] * 2, [picture(9)] * 2)
    main([str(folder)])
    assert "of which instances.npz has no weights" in text_of(folder / "report.html")


def test_says_when_two_accounts_of_a_run_disagree(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", CLIPS)
    shutil.copy(write_run(tmp_path / "other", CLIPS, sample=1) / PREDICTIONS_FILE, folder)
    main([str(folder)])
    assert "run.json and predictions.csv disagree: WAR" in text_of(folder / "report.html")


def test_a_run_that_is_given_twice_counts_once(tmp_path: Path) -> None:
    write_run(tmp_path / "sweep" / "0", CLIPS, fold=1)
    write_run(tmp_path / "sweep" / "1", CLIPS, fold=2, sample=1)
    out = tmp_path / "report.html"
    again = tmp_path / "sweep" / ".." / "sweep" / "1"  # not the same text
    main([str(tmp_path / "sweep"), str(again), "--out", str(out)])
    text = text_of(out)
    assert "occurs 2 times" not in text
    assert "all 2 runs pooled" in text


def test_options_that_differ_are_listed(tmp_path: Path) -> None:
    for job, (setting, rate) in enumerate((("default", "0.0004"), ("training.learning_rate=1e-3", "0.001"))):
        folder = write_run(tmp_path / str(job), CLIPS, setting=setting, data_manifest=f"hash{job}")
        (folder / CONFIG_FILE).write_text(f"training:\n  learning_rate: {rate}\n  epochs: 3\nfold: {job}\n")
    main([str(tmp_path)])
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    table = html[html.index("Options that differ between") :]
    table = " ".join(re.sub(r"<[^>]*>", " ", table[: table.index("</table>")]).split())
    assert table.endswith("training.learning_rate 0.0004 0.001")
    assert "hash0; hash1" in text_of(tmp_path / "report.html")


@pytest.mark.slow
def test_a_sweep_of_five_folds_stays_below_10_mib(tmp_path: Path) -> None:
    clips = [489, 379, 534, 435, 294, 29, 181]  # DFEW's test split
    for job in range(2):
        folder = write_run(tmp_path / str(job), clips, sample=job, fold=job)
        rng = np.random.default_rng(job)
        # Noise is the worst that a picture can hold.
        pictures = [noise(rng) for _ in range(100)]
        names = [f"{n:05d}" for n in range(sum(clips))]
        write_images(folder / THUMBNAILS_FILE, names, [pictures[n % 100] for n in range(len(names))])
        if job:
            (folder / FEATURES_FILE).unlink()
    main([str(tmp_path)])
    assert (tmp_path / "report.html").stat().st_size < 10 * 2**20


def noise(rng: np.random.Generator) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def test_figures_and_tables_for_a_paper(tmp_path: Path) -> None:
    for job, setting in enumerate(("ablation=a", "ablation=d")):
        parts = dict.fromkeys(("geiim", "wian", "mccl"), bool(job))
        write_run(tmp_path / "sweep" / str(job), CLIPS, sample=job, setting=setting, ablation=parts, dataset="dfew")
    figures = tmp_path / "figures"
    main([str(tmp_path / "sweep"), "--figures", str(figures)])
    stems = {path.stem for path in figures.iterdir()}
    assert {"dfew_rates", "dfew_tail", "dfew_classes", "dfew_curves", "dfew_calibration", "dfew_tsne"} < stems
    for path in figures.glob("*.png"):
        assert min(imread(path).shape[:2]) > 300
        assert path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    latex = (figures / "dfew_results.tex").read_text(encoding="utf-8")
    assert latex.count(r"\begin{tabular}") == latex.count(r"\bottomrule") == 1
    rows = [line.removesuffix(r" \\").split(" & ") for line in latex.splitlines() if line.endswith(r"\\")]
    assert {len(row) for row in rows} == {11}
    table = next(table for table in published_tables() if table.name == "Table I")
    for row, printed in zip(rows[1:], table.rows, strict=False):
        recall = ["--"] * 7 if printed.recall is None else [f"{printed.recall[name]:.2f}" for name in CLASS_NAMES]
        assert row == [printed.method, "best on test", *recall, f"{printed.war:.2f}", f"{printed.uar:.2f}"]
    assert [row[:2] for row in rows[-4:]] == [
        ["baseline (ablation=a)", "last epoch"],
        ["baseline (ablation=a)", "best on test"],
        ["MICACL (ablation=d)", "last epoch"],
        ["MICACL (ablation=d)", "best on test"],
    ]


def test_hostile_names_in_latex_and_file_names(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"dataset": "../<x>", "setting": r"\input{/etc/passwd} 50%_&#~^"}
    write_run(tmp_path / "run", [9, 8, 7, 6, 5, 4], HOSTILE_NAMES, **fields)
    main([str(tmp_path / "run"), "--figures", str(tmp_path / "figures")])
    latex = (tmp_path / "figures" / "x_results.tex").read_text(encoding="utf-8")
    assert r"\input" not in latex
    assert r"\textbackslash{}input\{/etc/passwd\} 50\%\_\&\#\textasciitilde{}\textasciicircum{}" in latex
    assert {path.parent for path in tmp_path.rglob("*.p*")} <= {tmp_path / "figures", tmp_path / "run"}


def test_help_is_fast_and_needs_no_torch() -> None:
    heavy = ["torch", "matplotlib", "sklearn", "plotly", "numpy"]
    code = f"import sys, micacl.report; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
    code = "import sys; from micacl.report import main; main(sys.argv[1:]); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code, "nowhere"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "Error: nowhere: no such folder.\n")


def test_options_of_the_machine_and_paths_are_no_differences(tmp_path: Path) -> None:
    for job, setting in enumerate(("a", "b"), start=1):
        folder = write_run(tmp_path / str(job), CLIPS, setting=setting)
        places = {"cache": {"dir": f"/cache{job}"}, "trainer": {"devices": job}, "fold": job}
        (folder / "config.yaml").write_text(yaml.safe_dump(places | {"loss": {"name": setting}}))
    main([str(tmp_path)])
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    table = html[html.index("Options that differ between") :]
    table = table[: table.index("</table>")]
    assert "loss.name" in table
    assert "cache.dir" not in table
    assert "trainer.devices" not in table
