"""Reads the listing of the data set that `dataset=` names."""

from collections.abc import Sequence
from pathlib import Path

from micacl.data.datasets.dfew import read_dfew
from micacl.data.datasets.ferv39k import read_ferv39k
from micacl.data.datasets.folder import read_folder
from micacl.data.datasets.listing import Listing
from micacl.data.datasets.lists import read_lists
from micacl.data.datasets.mafw import read_mafw
from micacl.errors import UserError


def read_listing(
    name: str,
    root: Path | None,
    fold: int | None = None,
    *,
    train_list: str | None = None,
    test_list: str | None = None,
    class_names: Sequence[str] | None = None,
    num_folds: int = 5,
    subject_pattern: str | None = None,
) -> Listing:
    """Reads the listing of a data set.

    Args:
        name: The data set: `dfew`, `ferv39k`, `mafw`, `list` or `folder`.
        root: The option `dataset.root`.
        fold: The fold that is needed; None reads all folds.
        train_list: The training list, for `list`; `%d` in it stands for the fold.
        test_list: The test list, for `list`; `%d` in it stands for the fold.
        class_names: The names of the labels 0, 1, ..., for `list`.
        num_folds: The number of folds to make where none are given, for `folder`.
        subject_pattern: A regular expression that finds the subject in a clip's path, for `folder`.

    Returns:
        The listing.

    Raises:
        UserError: If there is no such data set or fold, or the data set is not there or has a mistake.
    """
    if name == "dfew":
        return read_dfew(root, fold)
    if name == "ferv39k":
        return read_ferv39k(root, fold)
    if name == "mafw":
        return read_mafw(root, fold)
    if name == "list":
        return read_lists(root, train_list, test_list, class_names or (), fold)
    if name == "folder":
        return read_folder(root, num_folds, subject_pattern)
    raise UserError(f"there is no data set {name!r}; choose dfew, ferv39k, mafw, list or folder")
