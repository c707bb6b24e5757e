from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micacl.data.expressions import CLASS_NAMES
from micacl.data.synthetic.recipe import DFEW_CLASS_COUNTS, Recipe, class_counts
from micacl.errors import UserError


def test_default_counts_have_the_shape_of_dfew_above_the_floor() -> None:
    counts = class_counts(Recipe())

    assert list(counts) == list(CLASS_NAMES)
    assert sum(counts.values()) == 1000
    assert counts["disgust"] == 25
    dfew = dict(zip(CLASS_NAMES, DFEW_CLASS_COUNTS, strict=True))
    for name in CLASS_NAMES:
        if name != "disgust":
            assert counts[name] / counts["neutral"] == pytest.approx(dfew[name] / dfew["neutral"], rel=0.02)


@given(num_folds=st.integers(2, 6), floor=st.integers(1, 8), extra=st.integers(0, 3000))
def test_counts_add_up_and_keep_the_floor_and_the_order(num_folds: int, floor: int, extra: int) -> None:
    num_clips = len(CLASS_NAMES) * num_folds * floor + extra
    counts = class_counts(Recipe(num_clips, num_folds, num_folds, floor))

    assert sum(counts.values()) == num_clips
    assert min(counts.values()) >= num_folds * floor
    by_dfew = sorted(zip(DFEW_CLASS_COUNTS, CLASS_NAMES, strict=True))
    sizes = [counts[name] for _, name in by_dfew]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        ({"num_subjects": 4}, "set num_subjects to 5 or more"),
        ({"num_clips": 174}, "set num_clips to 175 or more"),
        ({"num_clips": 175, "num_subjects": 176}, "set num_subjects to 175 or less"),
        ({"num_folds": 1}, "at least 2"),
        ({"min_clips_per_class_and_fold": 0}, "set it to 1 or more"),
        ({"frame_size": 48}, "multiple of 32"),
        ({"frame_size": 0}, "multiple of 32"),
        ({"strength": 0}, "above 0"),
        ({"strength": 1.5}, "at most 1"),
        ({"strength": float("nan")}, "above 0"),
        ({"seed": -1}, "set it to 0 or more"),
    ],
)
def test_impossible_values_are_refused_with_a_remedy(values: dict[str, Any], remedy: str) -> None:
    with pytest.raises(UserError, match=remedy):
        Recipe(**values)
