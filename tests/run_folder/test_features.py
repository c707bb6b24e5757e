"""features.npz comes back as it was written."""

from pathlib import Path

import numpy as np
import pytest
from tests.run_folders import CLASS_NAMES, write_record

from micacl.errors import UserError
from micacl.run_folder.features import FEATURES_FILE, Features, read_features, write_features
from micacl.run_folder.record import read_run

FEATURES = Features(
    np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32),
    np.array([1, 0, 6]),
    np.array([1, 2, 3]),
    ("a/1", "b, quoted", "né"),
)


def test_features_come_back_as_they_were(tmp_path: Path) -> None:
    write_features(tmp_path, FEATURES)
    read = read_features(read_run(write_record(tmp_path, class_names=CLASS_NAMES)))
    assert read.features.dtype == np.float32
    assert read.clip == FEATURES.clip
    np.testing.assert_array_equal(read.features, FEATURES.features)
    np.testing.assert_array_equal(read.label, FEATURES.label)
    np.testing.assert_array_equal(read.prediction, FEATURES.prediction)


def test_a_file_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / FEATURES_FILE).mkdir()  # in the way, as a full disk is
    with pytest.raises(UserError, match=r"Cannot write .*features\.npz"):
        write_features(tmp_path, FEATURES)
