"""Finds the split files and the clips of a published data set, however its copy was unpacked."""

import os
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from micacl.data.datasets.listing import Entry, Fold, Listing, check_listed_once
from micacl.data.datasets.tree import Folder, Tree, check_root, list_tree
from micacl.errors import UserError

# The published data sets have some two hundred folders that are no clips. More means another place altogether.
MAX_FOLDERS = 10_000
# How far above the root the other half of the data set may lie.
LEVELS_ABOVE = 2

# How the folders are called that hold split files and no clips.
_SPLIT_FOLDER = re.compile(r"label|split|setup|scene|anno|list|caption|single|train|test")

Part = Literal["train", "test"]


class SplitFile(NamedTuple):
    """What a file's path tells.

    Attributes:
        fold: The fold, from 1.
        part: Which clips it lists.
        variant: Which of the copies in circulation it belongs to; the lowest is the official one.
    """

    fold: int
    part: Part
    variant: int


@dataclass(frozen=True)
class Layout:
    """How to recognise the parts of a data set.

    Attributes:
        title: The data set's name.
        expected: Its official layout, to show where it is not found.
        obtain: How one obtains it.
        example: An official split file, relative to the root.
        split_file: What a file's path tells, or None if it is no split file.
        clip: The key of a clip, from the folder that it lies in and its name without suffix; None if it is no clip.
        preparation: How little a folder of clips is to be preferred (0 is the official preparation), from its path in
            the data set, in small letters, and whether its clips are videos.
    """

    title: str
    expected: str
    obtain: str
    example: str
    split_file: Callable[[Path], SplitFile | None]
    clip: Callable[[Path, str], Hashable | None]
    preparation: Callable[[str, bool], int]

    def not_found(self, what: str) -> UserError:
        """The error that says what is missing, what is expected and how to obtain it."""
        return UserError(f"{self.title} was not found: {what} Expected:\n{self.expected}\n{self.obtain}")


@dataclass(frozen=True)
class Found:
    """A data set on disk.

    Attributes:
        lists: Fold and part to the file that lists its clips.
        clips: Key of each clip to its file or folder.
    """

    lists: dict[tuple[int, Part], Path]
    clips: dict[Hashable, Path]

    def find(self, key: Hashable, entry: Entry) -> Path:
        """The clip of an entry.

        Raises:
            UserError: If it is not on disk; the message names the file and line.
        """
        if key not in self.clips:
            folder = os.path.commonpath(path.parent for path in self.clips.values())
            raise entry.place.error(
                f"clip {entry.name} is not among the {len(self.clips)} clips in {folder}; "
                "unpack all parts of the data set"
            )
        return self.clips[key]


def find_official(layout: Layout, root: Path | None, folds: Iterable[int]) -> Found:
    """Look for a data set under a root.

    The root may also be a folder above the data set, or its folder of clips or of split files: the other half is then
    looked for above it.

    Args:
        layout: How to recognise it.
        root: The option `dataset.root`.
        folds: The folds whose split files are needed.

    Returns:
        What was found; some clips may be missing.

    Raises:
        UserError: If the root is no folder, a split file or all clips are missing, or two could be meant.
    """
    root = check_root(root, layout.not_found)
    tree = _tree(root)
    if not tree.complete:
        raise UserError(
            f"dataset.root={root} holds more than {MAX_FOLDERS} folders that are no clips; "
            f"set it to the folder of {layout.title} itself"
        )
    listed = _split_files(layout, tree)
    folders = _clip_folders(layout, tree)
    if folders and not listed:
        listed = _lists_above(layout, root)
    if listed and not folders:
        folders = _clips_above(layout, root)
    lists: dict[tuple[int, Part], Path] = {}
    for fold in folds:
        lists |= _choose_lists(layout, root, fold, listed, folders, tree.hint())
    if not folders:
        raise layout.not_found(f"there are no clips in {root}.{tree.hint()}")
    return Found(lists, _choose_clips(layout, folders, next(iter(lists.values()))))


def read_official(
    layout: Layout,
    root: Path | None,
    folds: Sequence[int],
    num_folds: int,
    class_names: tuple[str, ...],
    entries: Callable[[Path], Iterable[Entry]],
) -> Listing:
    """Read the splits of a data set whose clips are named by numbers, and whose lists do not say who is shown.

    Args:
        layout: How to recognise it.
        root: The option `dataset.root`.
        folds: The folds to read.
        num_folds: How many there are.
        class_names: The name of each label.
        entries: Reads a split file.

    Raises:
        UserError: If there is no such fold, the data is not there (the message shows the layout), or
            a split file has a mistake (the message names its line).
    """
    _check_folds(layout.title, folds, num_folds)
    found = find_official(layout, root, folds)

    def read(fold: int, part: Part) -> tuple[Entry, ...]:
        return check_listed_once(entries(found.lists[fold, part]))

    parts = tuple(Fold(fold, read(fold, "train"), read(fold, "test")) for fold in folds)
    return Listing(class_names, parts, lambda entry: found.find(int(entry.name), entry))


def _check_folds(title: str, folds: Iterable[int], num_folds: int) -> None:
    """Raises a UserError for the first of the folds that a data set does not have."""
    for fold in folds:
        if not 1 <= fold <= num_folds:
            raise UserError(f"fold is {fold}; {title} has the folds 1 to {num_folds}")


def is_number(name: str) -> bool:
    """Whether a folder's name or a file's stem is the number of a clip."""
    return name.isascii() and name.isdecimal() and len(name) <= 18


class _ClipFolder(NamedTuple):
    path: Path
    are_videos: bool
    clips: list[tuple[Hashable, Path]]


def _tree(root: Path) -> Tree:
    return list_tree(root, is_number, MAX_FOLDERS)


def _above(root: Path) -> Iterator[Path]:
    """The folders above the root in which the other half of a data set may lie."""
    return (above for above in root.parents[:LEVELS_ABOVE] if above != above.parent)


def _lists_above(layout: Layout, root: Path) -> dict[Path, SplitFile]:
    return next((found for above in _above(root) if (found := _split_files(layout, _tree(above)))), {})


def _clips_above(layout: Layout, root: Path) -> list[_ClipFolder]:
    """The clips above a folder of split files; above any other they would be another data set's."""
    for above in _above(root):
        if not _SPLIT_FOLDER.search(root.name.lower()):
            break
        root = above
        if found := _clip_folders(layout, _tree(above)):
            return found
    return []


def _split_files(layout: Layout, tree: Tree) -> dict[Path, SplitFile]:
    paths = [folder.path / name for folder in tree.folders for name in folder.lists]
    told = {path: layout.split_file(path) for path in paths}
    return {path: file for path, file in told.items() if file is not None}


def _clip_folders(layout: Layout, tree: Tree) -> list[_ClipFolder]:
    """Every folder that holds clips; folders of frames and videos in one folder count as two."""
    return [
        _ClipFolder(folder.path, are_videos, clips)
        for folder in tree.folders
        for are_videos, names in ((False, folder.folders), (True, folder.videos))
        if (clips := _clips(layout, folder, names))
    ]


def _clips(layout: Layout, folder: Folder, names: Sequence[str]) -> list[tuple[Hashable, Path]]:
    keys = ((layout.clip(folder.path, name.partition(".")[0]), name) for name in names)
    return [(key, folder.path / name) for key, name in keys if key is not None]


def _choose_clips(layout: Layout, folders: list[_ClipFolder], list_file: Path) -> dict[Hashable, Path]:
    """The clips of the preparation to be preferred; its parts may lie in several folders."""
    home, folders = _nearest(folders, list_file)
    preparations = [
        layout.preparation(folder.path.relative_to(home).as_posix().lower(), folder.are_videos) for folder in folders
    ]
    clips: dict[Hashable, Path] = {}
    for folder, preparation in zip(folders, preparations, strict=True):
        if preparation > min(preparations):
            continue
        for key, path in folder.clips:
            if key in clips:
                raise UserError(
                    f"{layout.title} has two clips that could be meant, {clips[key]} and {path}; remove one, "
                    "or set dataset.root to the folder of the clips to use"
                )
            clips[key] = path
    return clips


def _nearest(folders: list[_ClipFolder], list_file: Path) -> tuple[Path, list[_ClipFolder]]:
    """The data set's folder, and the folders of clips in it: other data sets may lie beside it."""
    homes = (
        (above, near)
        for above in list_file.parents
        if (near := [folder for folder in folders if folder.path.is_relative_to(above)])
    )
    return next(homes)


def _choose_lists(
    layout: Layout, root: Path, fold: int, listed: dict[Path, SplitFile], folders: list[_ClipFolder], hint: str
) -> dict[tuple[int, Part], Path]:
    """Both split files of a fold, of the same variant."""
    paths: dict[tuple[int, Part], list[Path]] = {}
    for path, file in listed.items():
        if file.fold == fold:
            paths.setdefault((file.variant, file.part), []).append(path)
    variants = [variant for variant, part in paths if part == "train" and (variant, "test") in paths]
    if not variants:
        have = sorted(path for (_, part), found in paths.items() for path in found)
        seen = f" (there is only {have[0]})" if have else ""
        raise layout.not_found(
            f"there are no lists of the training and test clips of fold {fold}{seen}, "
            f"such as {root / layout.example}, in {root}.{hint}"
        )
    parts: tuple[Part, Part] = ("train", "test")
    return {(fold, part): _choose_list(layout, paths[min(variants), part], folders) for part in parts}


def _choose_list(layout: Layout, paths: list[Path], folders: list[_ClipFolder]) -> Path:
    """The file nearest to the root, if all copies agree and belong to the same clips."""
    nearest, *others = sorted(paths, key=lambda path: (len(path.parts), path))
    for other in others:
        if _content(other) != _content(nearest):
            raise UserError(f"{nearest} and {other} could both be meant, and differ; remove the wrong one")
        if folders and _nearest(folders, other)[0] != _nearest(folders, nearest)[0]:
            raise UserError(
                f"{layout.title} is there twice, with the lists {nearest} and {other}; "
                "set dataset.root to the folder of the one to use"
            )
    return nearest


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error}") from error
