"""Counts and rates against scikit-learn, from the same predictions.csv."""

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, recall_score
from tests.run_folders import CLASS_NAMES, HOSTILE_NAMES, write_record, write_run

from micacl.errors import UserError
from micacl.run_folder.predictions import read_confusion, recalls, uar, war
from micacl.run_folder.record import read_run


def labels_and_predictions(folder: Path) -> tuple[list[str], list[str]]:
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    return [row["label"] for row in table], [row["prediction"] for row in table]


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn(tmp_path: Path, seed: int) -> None:
    folder = write_run(tmp_path, [48, 37, 53, 43, 29, 2, 18], sample=seed)
    counts = read_confusion(read_run(folder))
    label, prediction = labels_and_predictions(folder)
    np.testing.assert_array_equal(counts, confusion_matrix(label, prediction, labels=CLASS_NAMES))
    np.testing.assert_allclose(recalls(counts), recall_score(label, prediction, labels=CLASS_NAMES, average=None))
    assert war(counts) == pytest.approx(accuracy_score(label, prediction))
    assert uar(counts) == pytest.approx(balanced_accuracy_score(label, prediction))


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_an_absent_class_has_no_recall_and_does_not_count(tmp_path: Path) -> None:
    folder = write_run(tmp_path, [20, 10, 5, 5, 5, 0, 5])
    counts = read_confusion(read_run(folder))
    label, prediction = labels_and_predictions(folder)
    assert counts[:, 5].sum() > 0, "the sample must predict the absent class, or the test shows nothing"
    assert np.isnan(recalls(counts)[5])
    assert uar(counts) == pytest.approx(balanced_accuracy_score(label, prediction))


def test_hostile_class_names(tmp_path: Path) -> None:
    folder = write_run(tmp_path, [9, 8, 7, 6, 5, 4], class_names=HOSTILE_NAMES)
    assert read_confusion(read_run(folder)).sum(axis=1).tolist() == [9, 8, 7, 6, 5, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no clip"),
        ("clip,label,prediction\n", "holds no clip"),
        ("clip,label,prediction\n1,fear,contempt\n", "'contempt' is neither one of its classes"),
        ("clip,label,prediction\n1,,fear\n", "'' is neither one of its classes"),
        ("clip,label,prediction\n1,fear\n", "None is neither one of its classes"),
        ("clip,label\n1,fear\n", "'prediction' is neither"),
        ("clip,label,prediction\n1,fear,fear\n2,fear,anger\n1,fear,fear\n", "lists the clip 1 twice"),
        ('clip,label,prediction\n1,"fear"x,fear\n', "cannot be read as CSV"),
    ],
)
def test_damaged_predictions(tmp_path: Path, content: str, message: str) -> None:
    write_record(tmp_path)
    (tmp_path / "predictions.csv").write_text(content)
    with pytest.raises(UserError) as caught:
        read_confusion(read_run(tmp_path))
    assert message in str(caught.value)
    assert str(tmp_path / "predictions.csv") in str(caught.value)


def test_predictions_that_are_no_text(tmp_path: Path) -> None:
    write_record(tmp_path)
    (tmp_path / "predictions.csv").write_bytes(b"clip,label,prediction\n\xff,fear,fear\n")
    with pytest.raises(UserError, match="cannot be read as CSV"):
        read_confusion(read_run(tmp_path))


def test_missing_predictions(tmp_path: Path) -> None:
    write_record(tmp_path, status="failed", results=None)
    with pytest.raises(UserError, match=r"predictions\.csv is missing: the run \(failed\)"):
        read_confusion(read_run(tmp_path))
