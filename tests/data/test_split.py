from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micacl.data.split import Clip, Split, class_counts, hold_out
from micacl.errors import UserError

CLASSES = ("happiness", "sadness", "neutral")


def clip(name: str, label: int, subject: str | None = None) -> Clip:
    return Clip(name, Path(f"{name}.mp4"), label, subject)


def make_split(counts: tuple[int, ...], num_subjects: int | None = None, seed: int = 0) -> Split:
    """Makes a split with these numbers of training clips per class, each of a random subject, and one test clip."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.repeat(np.arange(len(counts)), counts)).tolist()
    train = tuple(
        clip(f"train{i}", label, None if num_subjects is None else f"s{generator.integers(num_subjects)}")
        for i, label in enumerate(labels)
    )
    return Split(CLASSES, train, (clip("test", 0, "other"),))


def test_class_counts_follow_the_labels() -> None:
    assert class_counts([clip("a", 2), clip("b", 0), clip("c", 2)], 4) == [1, 0, 2, 0]


def test_a_class_without_training_clips_is_named() -> None:
    with pytest.raises(UserError, match="no training clip shows sadness, neutral"):
        Split(CLASSES, (clip("a", 0),), (clip("b", 1),))


@pytest.mark.parametrize("part", ["train", "test"])
def test_an_empty_part_is_an_error(part: str) -> None:
    parts = {"train": tuple(clip(f"{i}", i) for i in range(3)), "test": (clip("t", 0),)}
    with pytest.raises(UserError, match=f"the {part}(ing)? split has no clips"):
        Split(CLASSES, **(parts | {part: ()}))


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_without_a_name_is_an_error(label: int) -> None:
    with pytest.raises(UserError, match=f"clip bad of the test split has label {label}; labels run from 0 to 2"):
        Split(CLASSES, tuple(clip(f"{i}", i) for i in range(3)), (clip("bad", label),))


def test_a_clip_may_not_be_trained_and_tested() -> None:
    train = tuple(clip(f"{i}", i) for i in range(3))
    with pytest.raises(UserError, match=r"clip 1 \(1.mp4\) lies in the training and in the test split"):
        Split(CLASSES, train, (clip("1", 1),))
    with pytest.raises(UserError, match=r"lies in the training and in the test split"):
        Split(CLASSES, train, (replace(clip("1", 1), name="another name for the same file"),))
    with pytest.raises(UserError, match=r"clip 1 .* listed twice in the training split"):
        Split(CLASSES, (*train, clip("1", 1)), (clip("t", 0),))


@pytest.mark.parametrize("num_subjects", [None, 20, 60])
@pytest.mark.parametrize("fraction", [0.5, 0.2, 0.1])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_hold_out_divides_the_training_split(num_subjects: int | None, fraction: float, seed: int) -> None:
    split = make_split((300, 200, 12), num_subjects, seed)
    train, validation = hold_out(split, fraction, seed)
    assert sorted((*train, *validation), key=lambda c: c.name) == sorted(split.train, key=lambda c: c.name)
    assert not set(train) & set(validation)
    if num_subjects is not None:
        assert not {c.subject for c in train} & {c.subject for c in validation}
    assert min(class_counts(train, 3)) >= 1
    # Single clips divide exactly; subjects only about, since each goes to one side with all its clips.
    tolerance = 1 if num_subjects is None else 0.12 * 300
    for whole, part in zip(class_counts(split.train, 3), class_counts(validation, 3), strict=True):
        assert abs(part - fraction * whole) <= tolerance


def test_hold_out_is_decided_by_the_seed() -> None:
    split = make_split((100, 50, 10))
    assert hold_out(split, 0.2, 0) == hold_out(split, 0.2, 0)
    assert hold_out(split, 0.2, 0) != hold_out(split, 0.2, 1)


@pytest.mark.parametrize("seed", range(20))
def test_every_class_keeps_a_training_clip(seed: int) -> None:
    one_clip = make_split((20, 20, 1))
    # Class 2 has two clips of one subject, and class 1 is shown by two subjects alone.
    rare = [clip(f"rare{i}", 2, "lone") for i in range(2)]
    few = [clip(f"few{i}", 1, f"pair{i % 2}") for i in range(6)]
    many = [clip(f"many{i}", 0, f"s{i % 7}") for i in range(40)]
    one_subject = Split(CLASSES, (*rare, *few, *many), (clip("test", 0, "other"),))
    for split in (one_clip, one_subject):
        train, validation = hold_out(split, 0.5, seed)
        assert min(class_counts(train, 3)) >= 1
        assert validation
        assert not {c.subject for c in train if c.subject} & {c.subject for c in validation}


def test_hold_out_keeps_the_order_and_leaves_the_test_split_alone() -> None:
    split = make_split((30, 30, 30))
    train, validation = hold_out(split, 0.2, 0)
    position = {c: i for i, c in enumerate(split.train)}
    for part in (train, validation):
        assert [position[c] for c in part] == sorted(position[c] for c in part)
    assert not set(split.test) & {*train, *validation}


@pytest.mark.parametrize("fraction", [-0.1, 0.0, 0.6, 1.0, float("nan")])
def test_a_fraction_out_of_range_is_an_error(fraction: float) -> None:
    with pytest.raises(UserError, match="validation_fraction"):
        hold_out(make_split((9, 9, 9)), fraction, 0)


def test_too_few_clips_or_subjects_to_hold_out_is_an_error() -> None:
    with pytest.raises(UserError, match="set a larger fraction"):
        hold_out(make_split((3, 3, 3)), 0.05, 0)
    with pytest.raises(UserError, match="2 subjects"):
        hold_out(make_split((30, 30, 30), num_subjects=2), 0.2, 0)
    with pytest.raises(UserError, match="set"):
        hold_out(make_split((1, 1, 1)), 0.5, 0)


def test_unknown_subjects_are_not_one_subject() -> None:
    split = make_split((50, 50, 50))
    _, validation = hold_out(split, 0.2, 0)
    assert Counter(c.label for c in validation) == {0: 10, 1: 10, 2: 10}
