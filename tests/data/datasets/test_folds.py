from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from micacl.data.datasets.folds import assign_folds
from micacl.data.datasets.listing import Entry
from micacl.data.datasets.text_file import Place
from micacl.errors import UserError

COUNTS = (200, 100, 50, 7)


def make_entries(num_subjects: int | None, seed: int) -> list[Entry]:
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.repeat(np.arange(len(COUNTS)), COUNTS)).tolist()
    subjects = [None if num_subjects is None else f"s{generator.integers(num_subjects)}" for _ in labels]
    return [
        Entry(f"clip{i}", label, Place(Path("x"), i), subject)
        for i, (label, subject) in enumerate(zip(labels, subjects, strict=True))
    ]


@pytest.mark.parametrize("num_folds", [2, 5, 10])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_single_clips_are_divided_evenly(num_folds: int, seed: int) -> None:
    entries = make_entries(None, seed)
    folds = assign_folds(entries, num_folds)
    assert set(folds) == set(range(1, num_folds + 1))
    for label, count in enumerate(COUNTS):
        sizes = Counter(fold for fold, entry in zip(folds, entries, strict=True) if entry.label == label)
        assert all(count // num_folds <= sizes[fold] <= -(-count // num_folds) for fold in set(folds))


@pytest.mark.parametrize("num_folds", [2, 5])
@pytest.mark.parametrize("num_subjects", [12, 60])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_subjects_stay_together_and_classes_nearly_even(num_folds: int, num_subjects: int, seed: int) -> None:
    entries = make_entries(num_subjects, seed)
    folds = assign_folds(entries, num_folds)
    of_subject: dict[str | None, set[int]] = {}
    for entry, fold in zip(entries, folds, strict=True):
        of_subject.setdefault(entry.subject, set()).add(fold)
    assert all(len(found) == 1 for found in of_subject.values())
    largest = Counter(fold for fold, entry in zip(folds, entries, strict=True) if entry.label == 0)
    assert set(largest) == set(range(1, num_folds + 1))
    assert max(largest.values()) <= 2 * COUNTS[0] / num_folds


@pytest.mark.parametrize("num_subjects", [None, 20])
def test_the_order_of_clips_does_not_matter(num_subjects: int | None) -> None:
    entries = make_entries(num_subjects, 0)
    expected = dict(zip((entry.name for entry in entries), assign_folds(entries, 5), strict=True))
    shuffled = [entries[i] for i in np.random.default_rng(3).permutation(len(entries))]
    assert dict(zip((entry.name for entry in shuffled), assign_folds(shuffled, 5), strict=True)) == expected


@pytest.mark.parametrize("num_folds", [-1, 0, 1])
def test_one_fold_is_none(num_folds: int) -> None:
    with pytest.raises(UserError, match=f"dataset.num_folds is {num_folds}; set it to 2 or more"):
        assign_folds(make_entries(None, 0), num_folds)


def test_too_few_clips_or_subjects_is_an_error() -> None:
    with pytest.raises(
        UserError, match=r"only 357 clips of \d subjects, 200 of them of the commonest class; set it to f"
    ):
        assign_folds(make_entries(4, 0), 5)
    with pytest.raises(UserError, match=r"num_folds is 201, .* 200 of them of the commonest class"):
        assign_folds(make_entries(None, 0), 201)
