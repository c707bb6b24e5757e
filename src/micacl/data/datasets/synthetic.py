"""Loads the built-in data set as a split: one fold tests, the others train."""

from pathlib import Path

from micacl.data.datasets.csv_rows import read_rows
from micacl.data.expressions import CLASS_NAMES
from micacl.data.split import Clip, Split
from micacl.data.synthetic.generate import MANIFEST_NAME, prepare
from micacl.data.synthetic.recipe import Recipe
from micacl.errors import UserError


def check_fold(fold: int, recipe: Recipe) -> None:
    """Checks that the built-in data set has a fold.

    Raises:
        UserError: If there is no such fold.
    """
    if not 1 <= fold <= recipe.num_folds:
        raise UserError(f"fold is {fold}; the built-in data set has the folds 1 to {recipe.num_folds}")


def load_synthetic(fold: int, recipe: Recipe, cache_dir: Path, num_workers: int | None = None) -> Split:
    """Draws the built-in data set, unless it was drawn before, and divides it.

    Args:
        fold: The fold that tests, from 1; the others train. No subject is in two folds.
        recipe: The recipe of the data set.
        cache_dir: The folder that the data set is kept in.
        num_workers: The number of processes that draw; None means one per core.

    Returns:
        The split.

    Raises:
        UserError: If there is no such fold, or the cache folder cannot be used.
    """
    check_fold(fold, recipe)
    folder = prepare(recipe, cache_dir, num_workers)
    train: list[Clip] = []
    test: list[Clip] = []
    for row in read_rows(folder / MANIFEST_NAME, ("path", "label", "subject", "fold")):
        label = row.integer("label", 0, len(CLASS_NAMES) - 1)
        path = row.values["path"]
        clip = Clip(Path(path).with_suffix("").as_posix(), folder / path, label, row.values["subject"])
        (test if row.integer("fold", 1, recipe.num_folds) == fold else train).append(clip)
    return Split(CLASS_NAMES, tuple(train), tuple(test))
