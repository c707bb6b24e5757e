"""Reads clips that are listed in one CSV file."""

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

from micacl.data.datasets.csv_rows import Row, read_rows
from micacl.data.datasets.labeled import Labeled
from micacl.data.datasets.listing import Entry
from micacl.data.datasets.names import clip_names, path_parts
from micacl.data.expressions import clash, class_name
from micacl.errors import UserError


def read_clip_table(table: Path) -> tuple[list[Labeled], Callable[[Entry], Path]]:
    """Reads a CSV file with the columns `path,label` and optionally `subject,fold`.

    Args:
        table: The file; paths in it are relative to its folder, or absolute.

    Returns:
        The clips in the file's order, and a function that finds an entry's clip on disk.

    Raises:
        UserError: If the file has a mistake; the message names the line.
    """
    rows = list(read_rows(table, ("path", "label"), optional=("subject", "fold")))
    if not rows:
        raise UserError(f"{table} lists no clips; add a row for each")
    classes = {class_name(row.values["label"]): row for row in reversed(rows)}
    if pair := clash(sorted(classes)):
        raise classes[pair[1]].error(f"the labels {pair[0]} and {pair[1]} differ only in capitals; write one of them")
    root = Path(os.path.abspath(table)).parent  # noqa: PTH100  leaves links as they are
    paths = [_path(row, root) for row in rows]
    has_folds = any(row.values["fold"] for row in rows)
    names = clip_names([path_parts(str(path)) for path in paths])
    clips = [_clip(row, name, path, root, has_folds) for row, name, path in zip(rows, names, paths, strict=True)]
    by_name = dict(zip(names, paths, strict=True))
    index = DirectoryIndex()

    def find(entry: Entry) -> Path:
        path = index.find(by_name[entry.name])
        if path is None:
            raise entry.place.error(f"there is no {by_name[entry.name]}; correct the path or unpack all clips")
        return path

    return clips, find


def _clip(row: Row, name: str, path: Path, root: Path, has_folds: bool) -> Labeled:
    if has_folds and not row.values["fold"]:
        raise row.error("there is no value for fold; give every clip a fold, or none")
    return Labeled(
        name=name,
        path=Path(os.path.relpath(path, root)).as_posix(),
        class_name=class_name(row.values["label"]),
        place=row.place,
        subject=row.values["subject"] or None,
        fold=row.integer("fold", 1) if has_folds else None,
    )


def _path(row: Row, root: Path) -> Path:
    """Returns the absolute path of a clip, whatever system wrote it."""
    text = row.values["path"]
    return Path(os.path.normpath(root / text.replace("\\", "/")))


class DirectoryIndex:
    """An index of the folders that were asked for, each listed once."""

    def __init__(self) -> None:
        self._names: dict[Path, dict[str, str]] = {}

    def find(self, path: Path) -> Path | None:
        """Returns a path as it is spelled on disk, or None if it does not exist.

        Args:
            path: An absolute path. Its names may be in another Unicode form than on disk, composed or decomposed (`é`
                as one character or as two): macOS writes the latter, lists have the former.
        """
        folder = path.parent
        if folder == path:
            return path
        if folder not in self._names:
            self._names[folder] = _list(self._spelled(folder))
        name = self._names[folder].get(unicodedata.normalize("NFC", path.name))
        return None if name is None else self._spelled(folder) / name

    def _spelled(self, folder: Path) -> Path:
        return folder if folder.is_dir() else self.find(folder) or folder


def _list(folder: Path) -> dict[str, str]:
    """Maps the composed form of each name in a folder to the name on disk."""
    try:
        return {unicodedata.normalize("NFC", name): name for name in os.listdir(folder)}  # noqa: PTH208  names alone
    except OSError:
        return {}
