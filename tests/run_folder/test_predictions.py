"""predictions.csv comes back as it was written, or is refused with a message that names it."""

from pathlib import Path

import numpy as np
import pytest
from tests.run_folders import HOSTILE_NAMES, write_record, write_run
from tests.runs import read_table

from micacl.errors import UserError
from micacl.run_folder.predictions import (
    PREDICTIONS_FILE,
    Predictions,
    read_confusion,
    read_predictions,
    write_predictions,
)
from micacl.run_folder.record import read_run

PREDICTIONS = Predictions(
    ("a/1", "b, quoted", 'c"d'),
    np.array([1, 0, 2]),
    np.array([1, 2, 2]),
    np.random.default_rng(0).dirichlet(np.ones(3), 3),
)
CLASSES = ["joy", "né, e", "fear"]


def test_predictions_come_back_as_they_were(tmp_path: Path) -> None:
    write_predictions(tmp_path, PREDICTIONS, CLASSES)
    rows = read_table(tmp_path / PREDICTIONS_FILE)
    assert [row["clip"] for row in rows] == ["a/1", "b, quoted", 'c"d']
    assert [row["label"] for row in rows] == ["né, e", "joy", "fear"]
    assert [row["prediction"] for row in rows] == ["né, e", "fear", "fear"]
    written = [[float(row[f"p_{name}"]) for name in CLASSES] for row in rows]
    np.testing.assert_allclose(written, PREDICTIONS.probability, atol=5e-7)

    read = read_predictions(read_run(write_record(tmp_path, class_names=CLASSES)))
    assert read.clip == PREDICTIONS.clip
    np.testing.assert_array_equal(read.label, PREDICTIONS.label)
    np.testing.assert_array_equal(read.prediction, PREDICTIONS.prediction)
    np.testing.assert_array_equal(read.probability, written)
    assert read.confusion.tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 1]]


def test_a_file_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / PREDICTIONS_FILE).mkdir()  # in the way, as a full disk is
    with pytest.raises(UserError, match=r"Cannot write .*predictions\.csv"):
        write_predictions(tmp_path, PREDICTIONS, CLASSES)


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
    (tmp_path / PREDICTIONS_FILE).write_text(content)
    with pytest.raises(UserError) as caught:
        read_confusion(read_run(tmp_path))
    assert message in str(caught.value)
    assert str(tmp_path / PREDICTIONS_FILE) in str(caught.value)


def test_predictions_that_are_no_text(tmp_path: Path) -> None:
    write_record(tmp_path)
    (tmp_path / PREDICTIONS_FILE).write_bytes(b"clip,label,prediction\n\xff,fear,fear\n")
    with pytest.raises(UserError, match="cannot be read as CSV"):
        read_confusion(read_run(tmp_path))


def test_missing_predictions(tmp_path: Path) -> None:
    write_record(tmp_path, status="failed", results=None)
    with pytest.raises(UserError, match=r"predictions\.csv is missing: the run \(failed\)"):
        read_confusion(read_run(tmp_path))
