"""Lists the folders under a root, each once, without opening folders that are clips."""

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from micacl.errors import UserError

VIDEO_SUFFIXES = frozenset((".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv"))
LIST_SUFFIXES = frozenset((".csv", ".txt"))

# macOS leaves shadow copies of every file in this folder of an archive.
_IGNORED = "__MACOSX"


@dataclass(frozen=True)
class Folder:
    """The content of one folder.

    Attributes:
        path: The path of the folder.
        folders: The names of the folders in it, sorted.
        videos: The names of the video files in it, sorted.
        lists: The names of the files in it that may list clips, sorted.
    """

    path: Path
    folders: tuple[str, ...]
    videos: tuple[str, ...]
    lists: tuple[str, ...]


@dataclass
class Tree:
    """The folders under a root, those near it first.

    Attributes:
        folders: The folders that were listed.
        unreadable: The folders that could not be listed.
        complete: Whether all folders were listed; False if there are more than allowed.
    """

    folders: list[Folder] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)
    complete: bool = True

    def hint(self) -> str:
        """Returns a sentence about the unreadable folders, for the error when something is not found; "" if none."""
        if not self.unreadable:
            return ""
        more = f" and {len(self.unreadable) - 1} more" if len(self.unreadable) > 1 else ""
        return f" {self.unreadable[0]}{more} cannot be read; make it readable."


def list_folder(path: Path) -> Folder:
    """Lists one folder; names that start with a dot are skipped.

    Raises:
        OSError: If the folder cannot be listed.
    """
    folders, videos, lists = [], [], []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name == _IGNORED:
                continue
            suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122  thousands of names, not paths
            if _is_folder(entry):
                folders.append(entry.name)
            elif suffix in VIDEO_SUFFIXES:
                videos.append(entry.name)
            elif suffix in LIST_SUFFIXES:
                lists.append(entry.name)
    return Folder(path, tuple(sorted(folders)), tuple(sorted(videos)), tuple(sorted(lists)))


def list_readable_folder(path: Path) -> Folder:
    """Lists one folder, as `list_folder`.

    Raises:
        UserError: If the folder cannot be listed.
    """
    try:
        return list_folder(path)
    except OSError as error:
        raise UserError(f"{path} cannot be listed: {error.strerror}; make it readable") from error


def list_tree(root: Path, is_clip: Callable[[str], bool], max_folders: int) -> Tree:
    """Lists a folder and the folders under it, breadth first.

    Links are followed, but no folder is listed twice, so a link to a folder above itself does no harm.

    Args:
        root: The folder to begin with; it is listed in any case.
        is_clip: A function that returns whether a folder of that name is a clip and need not be opened.
        max_folders: The largest number of folders to list.
    """
    tree = Tree()
    waiting = deque([root])
    listed: set[tuple[int, int]] = set()
    while waiting:
        path = waiting.popleft()
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in listed:
                continue
            listed.add((status.st_dev, status.st_ino))
            folder = list_folder(path)
        except OSError:
            tree.unreadable.append(path)
            continue
        if len(tree.folders) == max_folders:
            tree.complete = False
            break
        tree.folders.append(folder)
        waiting.extend(path / name for name in folder.folders if not is_clip(name))
    return tree


def check_root(root: Path | None, not_found: Callable[[str], UserError]) -> Path:
    """Returns the data set's folder as an absolute path.

    Args:
        root: The option `dataset.root`.
        not_found: A function that makes the error from a description of what is wrong.

    Raises:
        UserError: If the option is not set, or is not a folder.
    """
    if root is None:
        raise not_found("dataset.root is not set.")
    root = Path(os.path.abspath(root))  # noqa: PTH100  leaves links as they are, and removes `..`
    if not root.is_dir():
        raise not_found(f"{root} is not a folder.")
    return root


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False
