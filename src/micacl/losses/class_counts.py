"""What every loss asks of the number of training clips of each class."""

from collections.abc import Sequence


def check_class_counts(class_counts: Sequence[int]) -> None:
    """Raises ValueError unless every class has a training clip."""
    if not class_counts or min(class_counts) < 1:
        raise ValueError(f"every class needs at least one training clip, got the counts {list(class_counts)}")
