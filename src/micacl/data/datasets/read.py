"""The listing of the data set that `dataset=` names."""

from collections.abc import Sequence
from pathlib import Path

from micacl.data.datasets.dfew import NUM_FOLDS as DFEW_FOLDS
from micacl.data.datasets.dfew import read_dfew
from micacl.data.datasets.ferv39k import read_ferv39k
from micacl.data.datasets.folder import read_folder
from micacl.data.datasets.listing import Listing
from micacl.data.datasets.lists import read_lists
from micacl.data.datasets.mafw import NUM_FOLDS as MAFW_FOLDS
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
    """Read what a data set lists.

    Args:
        name: Dfew, ferv39k, mafw, list or folder.
        root: The option `dataset.root`.
        fold: The fold that is needed; None reads all of them.
        train_list: For `list`, the training list; `%d` in it stands for the fold.
        test_list: For `list`, the test list, likewise.
        class_names: For `list`, what the labels 0, 1, ... stand for.
        num_folds: For `folder`, how many folds to make where none are given.
        subject_pattern: For `folder`, a regular expression that finds the subject in a clip's path.

    Returns:
        The listing.

    Raises:
        UserError: If there is no such data set or fold, or the data set is not there or has a mistake.
    """
    if name == "dfew":
        return read_dfew(root, range(1, DFEW_FOLDS + 1) if fold is None else (fold,))
    if name == "ferv39k":
        return read_ferv39k(root, fold)
    if name == "mafw":
        return read_mafw(root, range(1, MAFW_FOLDS + 1) if fold is None else (fold,))
    if name == "list":
        return read_lists(root, train_list, test_list, class_names or (), fold)
    if name == "folder":
        return read_folder(root, num_folds, subject_pattern)
    raise UserError(f"there is no data set {name!r}; choose dfew, ferv39k, mafw, list or folder")
