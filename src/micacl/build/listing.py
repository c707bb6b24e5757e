"""Reads the lists of the configured data set, without its frames, so that nothing heavy is imported."""

from pathlib import Path

from micacl.data.datasets.listing import Listing
from micacl.data.datasets.read import read_listing
from micacl.data.synthetic.recipe import Recipe
from micacl.errors import UserError
from micacl.settings import Settings


def build_listing(settings: Settings, fold: int | None) -> Listing:
    """Reads what the configured data set lists.

    Args:
        settings: The settings.
        fold: The fold that is needed; None reads all of them.

    Raises:
        UserError: If the data set is not there, or has a mistake.
    """
    dataset = settings.dataset
    return read_listing(
        dataset.name,
        Path(dataset.root) if dataset.root else None,
        fold,
        train_list=dataset.train_list,
        test_list=dataset.test_list,
        class_names=dataset.class_names,
        num_folds=dataset.num_folds,
        subject_pattern=dataset.subject_pattern,
    )


def build_recipe(settings: Settings) -> Recipe:
    """Builds the recipe of the built-in data set.

    Raises:
        UserError: If there is no recipe, or its values cannot be met together.
    """
    if settings.dataset.synthetic is None:
        raise UserError("dataset=synthetic needs its recipe, dataset.synthetic")
    return Recipe(**vars(settings.dataset.synthetic))
