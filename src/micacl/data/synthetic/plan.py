"""Which clip shows which subject with which expression, and in which fold it lies."""

from dataclasses import dataclass

import numpy as np

from micacl.data.expressions import CLASS_NAMES
from micacl.data.synthetic.recipe import Recipe, class_counts


@dataclass(frozen=True)
class PlannedClip:
    """One clip before it is drawn.

    Args:
        index: 0-based number of the clip; with the recipe's seed it decides everything random in the clip.
        label: Index into `CLASS_NAMES`.
        subject: 0-based number of the drawn person.
        fold: 1-based fold in which the clip is a test clip.
    """

    index: int
    label: int
    subject: int
    fold: int

    @property
    def path(self) -> str:
        """Path of the clip relative to the data set's folder, with forward slashes."""
        return f"clips/{self.index + 1:05d}.mp4"


def plan_clips(recipe: Recipe) -> list[PlannedClip]:
    """Deals the classes to the folds as evenly as they go, then each fold's clips to its subjects.

    Args:
        recipe: The data set.

    Returns:
        `recipe.num_clips` clips in the order of their index.
    """
    rng = np.random.default_rng([recipe.seed, 0])
    labels_of_fold: list[list[int]] = [[] for _ in range(recipe.num_folds)]
    dealt = 0
    for label, name in enumerate(CLASS_NAMES):
        for _ in range(class_counts(recipe)[name]):
            # Going on where the last class stopped keeps the folds equally large.
            labels_of_fold[dealt % recipe.num_folds].append(label)
            dealt += 1

    dealt_clips: list[tuple[int, int, int]] = []
    subjects = rng.permutation(recipe.num_subjects)
    for fold, labels in enumerate(labels_of_fold):
        fold_subjects = subjects[fold :: recipe.num_folds]
        # Shuffled, so that which expressions a subject shows is chance and its looks tell nothing.
        for position, label in enumerate(rng.permutation(labels)):
            subject = int(fold_subjects[position % len(fold_subjects)])
            dealt_clips.append((int(label), subject, fold + 1))

    order = rng.permutation(len(dealt_clips))
    return [PlannedClip(index, *dealt_clips[place]) for index, place in enumerate(order)]
