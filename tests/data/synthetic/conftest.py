"""The smallest data set that can be divided, drawn once."""

from pathlib import Path

import pytest

from micacl.data.synthetic.generate import prepare
from micacl.data.synthetic.recipe import Recipe

# Two clips of each class, one in each fold: a second or two of drawing.
TINY = Recipe(num_clips=14, num_subjects=2, num_folds=2, min_clips_per_class_and_fold=1, frame_size=32)


@pytest.fixture(scope="session")
def tiny_recipe() -> Recipe:
    return TINY


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny data set as one worker draws it."""
    return prepare(TINY, tmp_path_factory.mktemp("cache"), num_workers=1)
