from collections import Counter

import pytest

from micacl.data.expressions import CLASS_NAMES
from micacl.data.synthetic.plan import plan_clips
from micacl.data.synthetic.recipe import Recipe, class_counts

# The default, and one whose folds do not divide evenly.
RECIPES = (Recipe(), Recipe(num_clips=331, num_subjects=23, num_folds=3, min_clips_per_class_and_fold=7))


@pytest.mark.parametrize("recipe", RECIPES)
def test_folds_share_no_subject(recipe: Recipe) -> None:
    folds_of_subject: dict[int, set[int]] = {}
    for clip in plan_clips(recipe):
        folds_of_subject.setdefault(clip.subject, set()).add(clip.fold)

    assert len(folds_of_subject) == recipe.num_subjects
    assert all(len(folds) == 1 for folds in folds_of_subject.values())


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_class_has_its_floor_in_every_fold(recipe: Recipe) -> None:
    clips = Counter((clip.label, clip.fold) for clip in plan_clips(recipe))

    for label in range(len(CLASS_NAMES)):
        for fold in range(1, recipe.num_folds + 1):
            assert clips[label, fold] >= recipe.min_clips_per_class_and_fold


@pytest.mark.parametrize("recipe", RECIPES)
def test_plan_holds_every_class_as_often_as_counted_and_folds_of_equal_size(recipe: Recipe) -> None:
    clips = plan_clips(recipe)

    assert [clip.index for clip in clips] == list(range(recipe.num_clips))
    labels = Counter(clip.label for clip in clips)
    assert [labels[label] for label in range(len(CLASS_NAMES))] == list(class_counts(recipe).values())
    folds = Counter(clip.fold for clip in clips)
    assert max(folds.values()) - min(folds.values()) <= 1


def test_neither_order_nor_subject_tells_the_class() -> None:
    clips = plan_clips(Recipe())

    # In any stretch of the list, and with nearly any subject, there are several classes.
    assert all(len({clip.label for clip in clips[start : start + 50]}) >= 5 for start in range(0, 1000, 50))
    labels_of_subject: dict[int, set[int]] = {}
    for clip in clips:
        labels_of_subject.setdefault(clip.subject, set()).add(clip.label)
    assert min(len(labels) for labels in labels_of_subject.values()) >= 3


def test_another_seed_deals_otherwise() -> None:
    assert plan_clips(Recipe(seed=1)) != plan_clips(Recipe(seed=2))
    assert plan_clips(Recipe(seed=1)) == plan_clips(Recipe(seed=1))
