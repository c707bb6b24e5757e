"""Finds the split files and the clips of a published data set, however its copy was unpacked."""

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from micacl.data.datasets.listing import Entry, Fold, Listing, check_listed_once
from micacl.data.datasets.text_file import Place, read_lines
from micacl.data.datasets.tree import Folder, Tree, check_root, list_tree
from micacl.errors import UserError

# The published data sets have about two hundred folders that are not clips. More means that the root is a wrong place.
MAX_FOLDERS = 10_000
# How far above a root that is a folder of clips the split files may lie.
LEVELS_ABOVE = 2

Part = Literal["train", "test"]


class SplitFile(NamedTuple):
    """A split file, as its path describes it.

    Attributes:
        fold: The fold, from 1.
        part: The part whose clips it lists.
        variant: The number of the copy in circulation that it belongs to; the lowest is the official one.
    """

    fold: int
    part: Part
    variant: int


@dataclass(frozen=True)
class Layout:
    """The layout of a published data set, by which its parts are recognised.

    Attributes:
        title: The data set's name.
        expected: The official layout, shown to the user when the data set is not found.
        obtain: A sentence that says how to obtain the data set.
        example: The path of an official split file, relative to the root.
        split_file: A function that describes a split file from its path; None if the path is not that of a split file.
        clip: A function that gives the key of a clip from the folder that it lies in and its name without suffix; None
            if it is not a clip.
        preparation: A function that ranks a folder of clips (0 is the official preparation, the lowest rank is used)
            from its path in the data set, in lower case, and whether its clips are videos.
    """

    title: str
    expected: str
    obtain: str
    example: str
    split_file: Callable[[Path], SplitFile | None]
    clip: Callable[[Path, str], Hashable | None]
    preparation: Callable[[str, bool], int]

    def not_found(self, what: str) -> UserError:
        """Makes the error that says what is missing, what is expected and how to obtain it."""
        return UserError(f"{self.title} was not found: {what} Expected:\n{self.expected}\n{self.obtain}")


@dataclass(frozen=True)
class Found:
    """A data set on disk.

    Attributes:
        lists: The split file of each fold and part.
        clips: The file or folder of each clip, by the clip's key.
    """

    lists: dict[tuple[int, Part], Path]
    clips: dict[Hashable, Path]

    def find(self, key: Hashable, entry: Entry) -> Path:
        """Finds the clip of an entry on disk.

        Raises:
            UserError: If it is not there; the message names the file and line that list it.
        """
        if key not in self.clips:
            folder = os.path.commonpath(path.parent for path in self.clips.values())
            raise entry.place.error(
                f"clip {entry.name} is not among the {len(self.clips)} clips in {folder}; "
                "unpack all parts of the data set"
            )
        return self.clips[key]


def find_official(layout: Layout, root: Path | None, folds: Iterable[int]) -> Found:
    """Looks for a data set under a root.

    The root may also be a folder above the data set, or one of the data set's folders of clips. The latter chooses
    among several preparations of the clips; the split files are then looked for above it.

    Args:
        layout: The layout of the data set.
        root: The option `dataset.root`.
        folds: The folds whose split files are needed.

    Returns:
        The data set; some of its clips may be missing.

    Raises:
        UserError: If the root is not a folder, a split file or all clips are missing, or there are two candidates for a
            split file or a clip.
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
        listed = _split_files_above(layout, root)
    lists: dict[tuple[int, Part], Path] = {}
    for fold in folds:
        lists |= _choose_lists(layout, root, fold, listed, folders, tree.hint())
    if not folders:
        raise layout.not_found(
            f"there are no clips in {root}, only split files; unpack the clips, or set dataset.root to the folder that "
            f"holds both.{tree.hint()}"
        )
    return Found(lists, _choose_clips(layout, folders, next(iter(lists.values()))))


def read_official(
    layout: Layout,
    root: Path | None,
    fold: int | None,
    num_folds: int,
    class_names: tuple[str, ...],
    entries: Callable[[Path], Iterable[Entry]],
) -> Listing:
    """Reads the splits of a data set whose clips are numbered, and whose split files do not name subjects.

    Args:
        layout: The layout of the data set, with `clip_number` for its clips.
        root: The option `dataset.root`.
        fold: The fold to read; None reads all folds.
        num_folds: The number of folds that the data set has.
        class_names: The name of each label.
        entries: A function that reads a split file.

    Raises:
        UserError: If there is no such fold, the data is not there (the message shows the layout), or
            a split file has a mistake (the message names its line).
    """
    if fold is not None and not 1 <= fold <= num_folds:
        raise UserError(f"fold is {fold}; {layout.title} has the folds 1 to {num_folds}")
    folds = range(1, num_folds + 1) if fold is None else (fold,)
    found = find_official(layout, root, folds)

    def read(fold: int, part: Part) -> tuple[Entry, ...]:
        return check_listed_once(entries(found.lists[fold, part]))

    parts = tuple(Fold(fold, read(fold, "train"), read(fold, "test")) for fold in folds)
    return Listing(class_names, parts, lambda entry: found.find(int(entry.name), entry))


def read_split_lines(split_file: Path, example: str) -> Iterator[tuple[Place, str]]:
    """Reads the lines of a split file, with a header (a first line without digits) or without.

    Args:
        split_file: The file.
        example: A correct line, for the error message.

    Yields:
        The place of each line below the header, and its text.

    Raises:
        UserError: If the file cannot be read or is empty.
    """
    is_first = True
    for place, line in read_lines(split_file):
        is_header = is_first and not any(character.isdigit() for character in line)
        is_first = False
        if not is_header:
            yield place, line
    if is_first:
        raise UserError(f"{split_file} is empty; its lines must read like `{example}`")


def is_number(name: str) -> bool:
    """Returns whether a folder's name or a file's stem is the number of a clip."""
    return name.isascii() and name.isdecimal() and len(name) <= 18


def clip_number(folder: Path, stem: str) -> int | None:  # noqa: ARG001  the number alone identifies a clip
    """Returns the key of a clip that is named by its number, or None if it is not a clip; see `Layout.clip`."""
    return int(stem) if is_number(stem) else None


class _ClipFolder(NamedTuple):
    path: Path
    are_videos: bool
    clips: list[tuple[Hashable, Path]]


def _tree(root: Path) -> Tree:
    return list_tree(root, is_number, MAX_FOLDERS)


def _split_files_above(layout: Layout, root: Path) -> dict[Path, SplitFile]:
    """Looks for split files in the folders above the root, but not in the whole file system."""
    for above in root.parents[:LEVELS_ABOVE]:
        if above != above.parent and (found := _split_files(layout, _tree(above))):
            return found
    return {}


def _split_files(layout: Layout, tree: Tree) -> dict[Path, SplitFile]:
    paths = (folder.path / name for folder in tree.folders for name in folder.lists)
    return {path: file for path in paths if (file := layout.split_file(path)) is not None}


def _clip_folders(layout: Layout, tree: Tree) -> list[_ClipFolder]:
    """Finds every folder that holds clips; folders of frames and videos in one folder count as two."""
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
    """Chooses the clips of the preferred preparation; its parts may lie in several folders."""
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
    """Finds the data set's folder and the folders of clips in it: other data sets may lie beside it."""
    homes = (
        (above, near)
        for above in list_file.parents
        if (near := [folder for folder in folders if folder.path.is_relative_to(above)])
    )
    return next(homes)


def _choose_lists(
    layout: Layout, root: Path, fold: int, listed: dict[Path, SplitFile], folders: list[_ClipFolder], hint: str
) -> dict[tuple[int, Part], Path]:
    """Chooses both split files of a fold, of the same variant."""
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
    """Chooses the file nearest to the root, if all copies agree and belong to the same clips."""
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
