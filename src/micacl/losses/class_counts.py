"""Checks the number of training clips of each class, for all losses that weight by it."""

from collections.abc import Sequence


def check_class_counts(class_counts: Sequence[int]) -> None:
    """Checks that every class has a training clip.

    Raises:
        ValueError: If one has none.
    """
    if not class_counts or min(class_counts) < 1:
        raise ValueError(f"every class needs at least one training clip, got the counts {list(class_counts)}")
