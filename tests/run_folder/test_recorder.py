"""What a run writes of itself."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.runs import read_table

from micacl.build.trainer import device_name
from micacl.errors import UserError
from micacl.run_folder.csv_file import write_rows
from micacl.run_folder.recorder import RunRecord, write_predictions
from micacl.training.predictions import Predictions


def content(folder: Path) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    record = json.loads((folder / "run.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert isinstance(record, dict)
    return record


def test_a_record_grows_and_says_what_ran(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    record = RunRecord(folder, {"dataset": "dfew", "fold": 2}, "fold: 2\n")
    assert (folder / "config.yaml").read_text() == "fold: 2\n"
    first = content(folder)
    assert (first["status"], first["results"], first["dataset"], first["fold"]) == ("running", None, "dfew", 2)
    assert first["versions"]["torch"] == version("torch")
    assert first["versions"]["hydra-core"] == version("hydra-core")
    assert first["versions"]["micacl"] == version("micacl")
    record.update(status="finished", results={"war": 0.5})
    second = content(folder)
    assert (second["status"], second["results"], second["dataset"]) == ("finished", {"war": 0.5}, "dfew")
    assert second["seconds"] >= first["seconds"]
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "run.json"}


def test_what_is_no_json_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    record = RunRecord(tmp_path, {"fold": 2}, "")
    with pytest.raises(ValueError, match="not JSON compliant"):
        record.update(results={"war": float("nan")})
    assert content(tmp_path)["results"] is None
    assert {path.name for path in tmp_path.iterdir()} == {"config.yaml", "run.json"}


def test_a_folder_that_cannot_be_written_is_an_error_to_mend(tmp_path: Path) -> None:
    record = RunRecord(tmp_path / "run", {}, "")
    for path in (tmp_path / "run").iterdir():
        path.unlink()
    (tmp_path / "run").rmdir()
    with pytest.raises(UserError, match=r"Cannot write .*run\.json"):
        record.update(status="finished")


def test_other_processes_write_nothing(tmp_path: Path) -> None:
    RunRecord(tmp_path / "run", {}, "", active=False).update(status="finished")
    assert not (tmp_path / "run").exists()


def test_the_device_of_a_cpu_says_its_threads() -> None:
    assert device_name(torch.device("cpu")) == f"cpu, {torch.get_num_threads()} threads"


def test_predictions_come_back_as_they_were(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    predictions = Predictions(
        torch.tensor([2, 0, 1]),
        torch.tensor([1, 0, 2]),
        torch.softmax(torch.randn(3, 3, generator=generator), -1),
        torch.randn(3, 5, generator=generator),
    )
    clips, classes = ["a/1", "b, quoted", 'c"d'], ["joy", "né, e", "fear"]
    write_predictions(tmp_path, predictions, clips, classes)
    rows = read_table(tmp_path / "predictions.csv")
    assert [row["clip"] for row in rows] == [clips[2], clips[0], clips[1]]
    assert [row["label"] for row in rows] == [classes[1], classes[0], classes[2]]
    assert [row["prediction"] for row in rows] == [classes[k] for k in predictions.prediction_N.tolist()]
    written = [[float(row[f"p_{name}"]) for name in classes] for row in rows]
    np.testing.assert_allclose(written, predictions.probability_NK, atol=5e-7)
    with np.load(tmp_path / "features.npz", allow_pickle=False) as features:
        np.testing.assert_array_equal(features["features"], predictions.features_NC)
        assert features["label"].tolist() == [1, 0, 2]
        assert features["prediction"].tolist() == predictions.prediction_N.tolist()
        assert features["clip"].tolist() == [clips[2], clips[0], clips[1]]


@pytest.mark.parametrize("name", ["predictions.csv", "features.npz"])
def test_results_that_cannot_be_written_are_one_message(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()  # in the way, as a full disk is
    predictions = Predictions(torch.tensor([0]), torch.tensor([0]), torch.ones(1, 1), torch.ones(1, 2))
    with pytest.raises(UserError, match=f"Cannot write .*{name}"):
        write_predictions(tmp_path, predictions, ["a"], ["joy"])


def test_rows_with_different_columns(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.csv", [{"a": 1}, {"b": 2, "a": 3}])
    assert read_table(tmp_path / "rows.csv") == [{"a": "1", "b": ""}, {"a": "3", "b": "2"}]
