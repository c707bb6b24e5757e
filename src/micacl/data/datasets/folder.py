"""Reads a user's own clips, from one folder per class or from one CSV file, and divides them into folds."""

from pathlib import Path

from micacl.data.datasets.class_folders import read_class_folders
from micacl.data.datasets.clip_table import read_clip_table
from micacl.data.datasets.folds import assign_folds
from micacl.data.datasets.labeled import Labeled, check_named_once, with_subjects
from micacl.data.datasets.listing import Entry, Fold, Listing
from micacl.data.datasets.tree import check_root, list_readable_folder
from micacl.data.expressions import in_order
from micacl.errors import UserError

EXPECTED = """\
  dataset.root=/path/to/clips
    happiness/01.mp4 ...        a folder for each class, with videos
    sadness/02/*.jpg ...        or with folders of frames
  or a folder with one CSV file, or the file itself, with the columns path,label and perhaps subject,fold"""


def read_folder(root: Path | None, num_folds: int, subject_pattern: str | None) -> Listing:
    """Reads a user's own clips.

    Args:
        root: The option `dataset.root`: a folder that holds a folder for each class or one CSV file, or that file.
        num_folds: The number of folds to make if the CSV gives none.
        subject_pattern: A regular expression that finds the subject in a clip's path relative to the root: its first
            group, or the whole match. None takes the subjects that the CSV gives, if any.

    Returns:
        The listing with all folds. Folds that are made here are stratified, keep each subject in one fold, and do
        not depend on the order of files.

    Raises:
        UserError: If the root holds neither, a row is wrong (the message names its line), two classes differ in
            capitals alone, or there are too few clips or subjects for the folds.
    """
    table = _table(root)
    if table is None:
        read, find = read_class_folders(check_root(root, _not_found), _not_found)
    else:
        read, find = read_clip_table(table)
    clips = check_named_once(with_subjects(read, subject_pattern))
    class_names = in_order({clip.class_name for clip in clips})
    if len(class_names) < 2:
        raise UserError(f"{root} has only one class, {class_names[0]}; there must be two or more to tell apart")
    entries = [Entry(clip.name, class_names.index(clip.class_name), clip.place, subject=clip.subject) for clip in clips]
    return Listing(class_names, _divide(clips, entries, num_folds), find)


def _table(root: Path | None) -> Path | None:
    """Finds the CSV file, if there is one."""
    if root is not None and root.is_file():
        if root.suffix.lower() != ".csv":
            raise _not_found(f"{root} is a file, but not a CSV file.")
        return root
    root = check_root(root, _not_found)
    tables = [name for name in list_readable_folder(root).lists if name.lower().endswith(".csv")]
    if len(tables) > 1:
        raise UserError(f"{root} holds several CSV files: {', '.join(tables)}; set dataset.root to the one to use")
    return root / tables[0] if tables else None


def _divide(clips: tuple[Labeled, ...], entries: list[Entry], num_folds: int) -> tuple[Fold, ...]:
    given = [clip.fold for clip in clips if clip.fold is not None]
    folds = given or assign_folds(entries, num_folds)
    return tuple(
        Fold(
            number,
            tuple(entry for entry, fold in zip(entries, folds, strict=True) if fold != number),
            tuple(entry for entry, fold in zip(entries, folds, strict=True) if fold == number),
        )
        for number in sorted(set(folds))
    )


def _not_found(what: str) -> UserError:
    return UserError(f"The clips were not found: {what} Expected:\n{EXPECTED}")
