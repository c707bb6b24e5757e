"""Plans the subject, the expression and the fold of each clip."""

from dataclasses import dataclass

import numpy as np

from micacl.data.expressions import CLASS_NAMES
from micacl.data.synthetic.recipe import Recipe, class_counts


@dataclass(frozen=True)
class PlannedClip:
    """One clip before it is drawn.

    Attributes:
        index: The number of the clip, from 0; with the recipe's seed it decides everything random in the clip.
        label: The index of the class in `CLASS_NAMES`.
        subject: The number of the drawn person, from 0.
        fold: The fold in which the clip is a test clip, from 1.
    """

    index: int
    label: int
    subject: int
    fold: int

    @property
    def path(self) -> str:
        """Returns the path of the clip relative to the data set's folder, with forward slashes."""
        return f"clips/{self.index + 1:05d}.mp4"


def plan_clips(recipe: Recipe) -> list[PlannedClip]:
    """Deals the classes to the folds as evenly as possible, then each fold's clips to its subjects.

    Args:
        recipe: The recipe of the data set.

    Returns:
        `recipe.num_clips` clips in the order of their index.
    """
    rng = np.random.default_rng([recipe.seed, 0])
    labels_of_fold: list[list[int]] = [[] for _ in range(recipe.num_folds)]
    dealt = 0
    for label, name in enumerate(CLASS_NAMES):
        for _ in range(class_counts(recipe)[name]):
            # Each class continues where the previous one stopped, so that the folds are equally large.
            labels_of_fold[dealt % recipe.num_folds].append(label)
            dealt += 1

    dealt_clips: list[tuple[int, int, int]] = []
    subjects = rng.permutation(recipe.num_subjects)
    for fold, labels in enumerate(labels_of_fold):
        fold_subjects = subjects[fold :: recipe.num_folds]
        # The labels are shuffled, so that a subject's looks tell nothing about its expressions.
        for position, label in enumerate(rng.permutation(labels)):
            subject = int(fold_subjects[position % len(fold_subjects)])
            dealt_clips.append((int(label), subject, fold + 1))

    order = rng.permutation(len(dealt_clips))
    return [PlannedClip(index, *dealt_clips[place]) for index, place in enumerate(order)]
