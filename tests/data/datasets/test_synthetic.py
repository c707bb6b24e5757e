from collections import Counter
from pathlib import Path

import pytest

from micacl.data.datasets.synthetic import load_synthetic
from micacl.data.expressions import CLASS_NAMES
from micacl.data.frames.decoding import decode_frames
from micacl.data.sampling import frame_indices
from micacl.data.split import Split
from micacl.data.synthetic.recipe import Recipe
from micacl.errors import UserError

RECIPE = Recipe(num_clips=35, num_subjects=10, min_clips_per_class_and_fold=1, frame_size=32)


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Split]:
    cache = tmp_path_factory.mktemp("cache")
    return {fold: load_synthetic(fold, RECIPE, cache) for fold in range(1, 6)}


def test_each_clip_is_tested_in_one_fold_and_trained_in_the_others(splits: dict[int, Split]) -> None:
    tested = Counter(clip.name for split in splits.values() for clip in split.test)
    trained = Counter(clip.name for split in splits.values() for clip in split.train)
    assert len(tested) == 35
    assert set(tested.values()) == {1}
    assert trained == dict.fromkeys(tested, 4)


def test_no_subject_is_trained_and_tested(splits: dict[int, Split]) -> None:
    for split in splits.values():
        assert split.class_names == CLASS_NAMES
        assert not {clip.subject for clip in split.train} & {clip.subject for clip in split.test}


def test_the_clips_can_be_decoded(splits: dict[int, Split]) -> None:
    for clip in splits[1].test:
        assert decode_frames(clip.path, lambda n: frame_indices(n, 16, None)).shape == (16, 32, 32, 3)


@pytest.mark.parametrize("fold", [0, 6, -1])
def test_another_fold_is_an_error(fold: int, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"fold is {fold}; the built-in data set has the folds 1 to 5"):
        load_synthetic(fold, RECIPE, tmp_path)
    assert not list(tmp_path.iterdir())
