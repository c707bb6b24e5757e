"""Makes folds for clips that have none."""

import warnings
from collections import Counter
from collections.abc import Sequence

from micacl.data.datasets.listing import Entry
from micacl.errors import UserError


def assign_folds(entries: Sequence[Entry], num_folds: int) -> list[int]:
    """Divides clips into folds that have about the same share of each class.

    All clips of a subject are in one fold, if subjects are known. The folds depend on the clips alone, not on their
    order or the machine. scikit-learn's StratifiedGroupKFold or StratifiedKFold makes them.

    Args:
        entries: The clips.
        num_folds: The number of folds to make.

    Returns:
        The fold of each clip, from 1.

    Raises:
        UserError: If there are too few clips or subjects for so many folds.
    """
    if num_folds < 2:
        raise UserError(f"dataset.num_folds is {num_folds}; set it to 2 or more")
    order = sorted(range(len(entries)), key=lambda index: entries[index].name)
    labels = [entries[index].label for index in order]
    groups = [_group(entries[index]) for index in order]
    num_subjects, commonest = len(set(groups)), max(Counter(labels).values())
    if num_folds > min(num_subjects, commonest):
        raise UserError(
            f"dataset.num_folds is {num_folds}, but there are only {len(entries)} clips of {num_subjects} subjects, "
            f"{commonest} of them of the commonest class; set it to fewer, or add clips"
        )
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # imported late, because it is slow

    # If each clip is a group of its own, StratifiedKFold is as good and takes a hundredth of the time.
    is_simple = num_subjects == len(groups)
    division = StratifiedKFold if is_simple else StratifiedGroupKFold
    folds = [0] * len(entries)
    with warnings.catch_warnings():
        # A class with fewer clips than folds cannot be tested in every fold: data is long-tailed, this is no mistake.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        divided = division(num_folds, shuffle=True, random_state=0)
        parts = divided.split(np.zeros(len(labels)), labels, None if is_simple else groups)
        for number, (_, tested) in enumerate(parts, start=1):
            for index in tested:
                folds[order[index]] = number
    return folds


def _group(entry: Entry) -> str:
    return f"clip {entry.name}" if entry.subject is None else f"subject {entry.subject}"
