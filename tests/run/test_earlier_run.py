"""Which options may differ when a run is resumed, and which may not."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from micacl.errors import OccupiedFolderError
from micacl.run.earlier_run import earlier_run

CONFIG: dict[str, Any] = {
    "model": {"num_frames": 16},
    "training": {"epochs": 5},
    "trainer": {"devices": 1, "precision": "auto", "compile": False},
    "dataset": {"root": "/a", "train_list": "/a/train.txt", "decode": {"backend": "auto"}, "synthetic": None},
    "cache": {"dir": None, "size": 128},
    "fold": 1,
    "seed": 1,
    "ckpt_path": None,
}


def changed(name: str, value: object) -> str:
    """The config with another value of an option, as YAML."""
    config = json.loads(json.dumps(CONFIG))
    *nodes, last = name.split(".")
    place = config
    for node in nodes:
        place[node] = place.get(node) or {}
        place = place[node]
    place[last] = value
    return yaml.safe_dump(config)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished run."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    (tmp_path / "run.json").write_text(json.dumps({"status": "finished"}))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dataset.root", "/b"),
        ("dataset.train_list", "/b/train.txt"),
        ("dataset.decode.backend", "decord"),
        ("cache.dir", "/c"),
        ("trainer.devices", 4),
        ("trainer.compile", True),
        ("ckpt_path", "last.ckpt"),
        # Unknown to the version that wrote the folder.
        ("model.name", "micacl"),
        ("trainer.accumulate", 2),
    ],
)
def test_a_run_is_the_same_wherever_it_runs_and_its_files_lie(folder: Path, name: str, value: object) -> None:
    assert earlier_run(folder, changed(name, value)).finished


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("model.num_frames", 8, "model.num_frames is 16 there and 8 here"),
        ("training.epochs", 6, "training.epochs is 5 there and 6 here"),
        ("trainer.precision", "32-true", "trainer.precision is auto there and 32-true here"),
        ("cache.size", 64, "cache.size is 128 there and 64 here"),
        ("fold", 2, "fold is 1 there and 2 here"),
        ("seed", 2, "seed is 1 there and 2 here"),
        ("dataset.synthetic.seed", 3, "dataset.synthetic is null there and None here"),
    ],
)
def test_a_run_with_another_setting_is_refused(folder: Path, name: str, value: object, message: str) -> None:
    with pytest.raises(OccupiedFolderError, match=message):
        earlier_run(folder, changed(name, value))
