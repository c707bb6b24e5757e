"""docs/run_folder.md lists every key, column and array that real runs write, and no other."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.runs import TINY, read_table, run_here

from micacl.evaluate import main as evaluate
from micacl.run_folder.clip_lists import (
    NON_FINITE_FILE,
    SKIPPED_FILE,
    write_non_finite_batch,
    write_skipped_clips,
)
from micacl.run_folder.config import CONFIG_FILE
from micacl.run_folder.features import FEATURES_FILE
from micacl.run_folder.images import FRAMES_FILE, THUMBNAILS_FILE
from micacl.run_folder.instances import INSTANCES_FILE
from micacl.run_folder.metrics import METRICS_FILE
from micacl.run_folder.names import CHECKPOINTS_FOLDER, LOCK_FILE
from micacl.run_folder.predictions import PREDICTIONS_FILE
from micacl.run_folder.record import FORMAT, RUN_FILE

TEXT = (Path(__file__).parents[2] / "docs" / "run_folder.md").read_text(encoding="utf-8")
FREE = ("results.recall", "versions")  # objects whose keys are names of classes and of packages


@pytest.fixture(scope="module")
def runs(small_network: None, cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folders of a training and of a test of its checkpoint."""
    trained, tested = tmp_path_factory.mktemp("trained"), tmp_path_factory.mktemp("tested")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        outcome = run_here([*TINY, "logger=wandb", f"cache.dir={cache_dir}", f"hydra.run.dir={trained}"])
    assert outcome.status == 0, outcome.shown
    checkpoint = trained / CHECKPOINTS_FOLDER / "last.ckpt"
    options = [f"ckpt_path={checkpoint}", "trainer=cpu", f"cache.dir={cache_dir}", f"hydra.run.dir={tested}"]
    outcome = run_here(options, evaluate)
    assert outcome.status == 0, outcome.shown
    return trained, tested


def documented(heading: str) -> set[str]:
    """The names in the first column of the table under a heading."""
    (section,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return set(names_of_first_column(section))


def names_of_first_column(section: str) -> Iterator[str]:
    for cell in re.findall(r"^\| ([^|]*`[^|]*) \|", section, re.MULTILINE):
        yield from re.findall(r"`([^`]+)`", cell)


def keys(record: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in record.items():
        name = f"{prefix}{key}"
        if name not in ("ablation",):  # always there, and nothing but its keys
            yield name
        if isinstance(value, dict) and name not in FREE:
            yield from keys(value, f"{name}.")


def columns(path: Path) -> set[str]:
    return set(read_table(path)[0])


def arrays(path: Path) -> set[str]:
    with np.load(path, allow_pickle=False) as found:
        return set(found.files)


def test_every_key_of_run_json(runs: tuple[Path, Path]) -> None:
    records = [json.loads((folder / RUN_FILE).read_text(encoding="utf-8")) for folder in runs]
    assert {key for record in records for key in keys(record)} == documented(RUN_FILE)
    assert {record["format"] for record in records} == {FORMAT}
    assert f"**Format {FORMAT}.**" in TEXT


def test_every_column_of_a_csv_file(runs: tuple[Path, Path], tmp_path: Path) -> None:
    trained, _ = runs
    classes = json.loads((trained / RUN_FILE).read_text(encoding="utf-8"))["class_names"]
    scales = ["512", "256", "128"]

    def spelled(names: set[str]) -> set[str]:
        given = {name.replace("SPLIT", "test") for name in names}
        given = {name.replace("CLASS", value) for name in given for value in classes}
        return {name.replace("SCALE", value) for name in given for value in scales}

    assert columns(trained / METRICS_FILE) == spelled(documented(METRICS_FILE))
    assert columns(trained / PREDICTIONS_FILE) == spelled(documented(PREDICTIONS_FILE))
    write_skipped_clips(tmp_path, [("a", "a.mp4", "empty")])
    assert columns(tmp_path / SKIPPED_FILE) == documented(SKIPPED_FILE)
    write_non_finite_batch(tmp_path, [("a", "a.mp4")], step=3)
    assert columns(tmp_path / NON_FINITE_FILE) == documented(NON_FINITE_FILE)


def test_every_array_of_an_archive(runs: tuple[Path, Path]) -> None:
    trained, _ = runs
    for name in (FEATURES_FILE, INSTANCES_FILE):
        assert arrays(trained / name) == documented(name)
    for name in (THUMBNAILS_FILE, FRAMES_FILE):
        assert arrays(trained / name) == documented(f"{THUMBNAILS_FILE} and {FRAMES_FILE}")


def test_every_file(runs: tuple[Path, Path]) -> None:
    listed = {name.rstrip("/") for name in names_of_first_column(TEXT.partition(f"## {RUN_FILE}")[0])}
    found = {path.name for folder in runs for path in folder.iterdir()}
    # Those of a run that went wrong, and Hydra's logs, which `run_here` does not configure.
    unusual = {SKIPPED_FILE, NON_FINITE_FILE}
    assert found - listed == set()
    assert listed - found <= unusual | {".hydra", "train.log", "evaluate.log"}
    assert {CONFIG_FILE, LOCK_FILE} <= listed
