"""Reads the lists that public code uses: one `path frames label` per line, where the path begins with another root."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from micacl.data.datasets.csv_rows import whole_number
from micacl.data.datasets.listing import Entry, Fold, Listing, check_listed_once
from micacl.data.datasets.names import clip_names, path_parts, without_suffix
from micacl.data.datasets.text_file import Place, read_lines
from micacl.data.datasets.tree import check_root, list_tree
from micacl.data.expressions import clash, class_name, in_order
from micacl.errors import UserError

# The placeholder for the fold in the names of lists.
FOLD = "%d"

# Folders that are clips do not count. More than this is not a data set but a whole disk.
MAX_FOLDERS = 200_000

EXPECTED = """\
  dataset.root=/path/to/clips              the folder under which all clips lie, in folders or as videos
  dataset.train_list=/path/to/train.txt    a line for each clip: path, number of frames, label from 0
  dataset.test_list=/path/to/test.txt
  dataset.class_names=[happiness,...]      what the labels 0, 1, ... stand for"""


class _Line(NamedTuple):
    place: Place
    path: tuple[str, ...]
    num_frames: int
    label: int


def read_lists(
    root: Path | None,
    train_list: str | None,
    test_list: str | None,
    class_names: Sequence[str],
    fold: int | None = None,
) -> Listing:
    """Reads a training and a test list, for one fold or for several.

    Args:
        root: The option `dataset.root`.
        train_list: The option `dataset.train_list`; `%d` in it stands for the fold.
        test_list: The option `dataset.test_list`; `%d` in it stands for the fold.
        class_names: The names of the labels 0, 1, ... of the lists, in any spelling.
        fold: The fold that is needed, or None.

    Returns:
        The listing of all folds, with the classes in our order.

    Raises:
        UserError: If an option is missing or wrong, a list has a mistake (the message names its line), or there is no
            such fold.
    """
    root = check_root(root, _not_found)
    labels = _labels(class_names)
    files = _list_files(train_list, test_list, fold)
    lines = {path: tuple(_lines(path, len(class_names))) for pair in files.values() for path in pair}
    paths = sorted({line.path for read in lines.values() for line in read})
    names = dict(zip(paths, clip_names(paths), strict=True))
    finder = _TailFinder(root, paths)
    by_name = {name: path for path, name in names.items()}

    def entries(file: Path) -> tuple[Entry, ...]:
        return check_listed_once(
            Entry(names[line.path], labels[line.label], line.place, num_frames=line.num_frames) for line in lines[file]
        )

    def find(entry: Entry) -> Path:
        return finder.find(by_name[entry.name], entry.place)

    folds = tuple(Fold(number, entries(train), entries(test)) for number, (train, test) in files.items())
    return Listing(in_order(map(class_name, class_names)), folds, find)


def _labels(class_names: Sequence[str]) -> list[int]:
    """Returns our label for each of the lists' labels."""
    if len(class_names) < 2:
        raise UserError(f"dataset.class_names is {list(class_names)}; name what each label of the lists stands for")
    if pair := clash(class_names):
        raise UserError(f"dataset.class_names has {pair[0]} and {pair[1]}, which are the same class; name each once")
    order = in_order(map(class_name, class_names))
    return [order.index(class_name(name)) for name in class_names]


def _list_files(train_list: str | None, test_list: str | None, fold: int | None) -> dict[int, tuple[Path, Path]]:
    """Finds the training and the test list of each fold."""
    if not train_list or not test_list:
        raise _not_found(f"dataset.{'test' if train_list else 'train'}_list is not set.")
    if (FOLD in train_list) != (FOLD in test_list):
        raise UserError(f"only one of dataset.train_list and dataset.test_list has {FOLD} for the fold; set it in both")
    if FOLD not in train_list:
        if fold not in (None, 1):
            raise UserError(
                f"fold is {fold}, but the lists are of one fold; set fold=1, or write {FOLD} for the fold in "
                "dataset.train_list and dataset.test_list"
            )
        return {1: (_list_file(train_list), _list_file(test_list))}
    # All folds are read, whichever is needed, because a clip's name must not depend on which lists were read.
    return {number: (_list_file(train_list, number), _list_file(test_list, number)) for number in _numbers(train_list)}


def _list_file(text: str, fold: int | None = None) -> Path:
    path = Path(text if fold is None else text.replace(FOLD, str(fold))).expanduser()
    if not path.is_file():
        raise _not_found(f"{path} is not a file.")
    return path


def _numbers(train_list: str) -> list[int]:
    """Finds the folds that have a training list."""
    folder, name = Path(train_list).expanduser().parent, Path(train_list).name
    if FOLD in str(folder):
        raise UserError(f"dataset.train_list is {train_list}; {FOLD} may only be in the name of the file")
    pattern = re.compile(re.escape(name).replace(re.escape(FOLD), "(?P<fold>[0-9]{1,4})", 1))
    try:
        matches = [pattern.fullmatch(path.name) for path in folder.iterdir()]
    except OSError as error:
        raise UserError(
            f"dataset.train_list is {train_list}, but {folder} cannot be listed: {error.strerror}"
        ) from error
    numbers = sorted(int(match["fold"]) for match in matches if match)
    if not numbers:
        raise _not_found(f"there is no file like {train_list}.")
    return numbers


def _lines(path: Path, num_classes: int) -> Iterator[_Line]:
    is_empty = True
    for place, text in read_lines(path):
        is_empty = False
        words = text.rsplit(maxsplit=2)
        if len(words) < 3:
            raise place.error(f'"{text}" must be a path, a number of frames and a label, with spaces between them')
        parts = path_parts(words[0])
        if not parts:
            raise place.error(f'"{words[0]}" is not the path of a clip')
        num_frames = whole_number(place, "the number of frames", words[1], 0)
        try:
            label = whole_number(place, "the label", words[2], 0, num_classes - 1)
        except UserError as error:
            raise UserError(f"{error}, because dataset.class_names has {num_classes} names") from error
        yield _Line(place, parts, num_frames, label)
    if is_empty:
        raise UserError(f"{path} is empty; it must have a line for each clip: path, number of frames, label")


class _TailFinder:
    """Finds listed clips under a root by the longest tail of their paths that exists there.

    The tail must match exactly one clip of the lists: `0063` does not if there are `Crime/Angry/0063` and
    `War/Sad/0063`.
    """

    def __init__(self, root: Path, paths: Sequence[tuple[str, ...]]) -> None:
        self._root = root
        listed = {(*path[:-1], without_suffix(path[-1])) for path in paths}
        self._listed = Counter(tail for path in listed for tail in _tails(path))
        clips = {path[-1] for path in listed}
        # If subjects and clips have the same names, as in `01/02`, a folder must be opened to see which of them it is.
        inner = {part for path in listed for part in path[:-1]}
        self._tree = list_tree(root, lambda name: (key := _key(name)) in clips and key not in inner, MAX_FOLDERS)
        if not self._tree.complete:
            raise UserError(
                f"dataset.root={root} holds more than {MAX_FOLDERS} folders; set it to the clips' own folder"
            )
        self._found: dict[tuple[str, ...], list[Path]] = {}
        for folder in self._tree.folders:
            above = path_parts(str(folder.path.relative_to(root)))
            for name in (*folder.folders, *folder.videos):
                if (key := _key(name)) in clips:
                    path = folder.path / name
                    for tail in _tails((*above, key)):
                        self._found.setdefault(tail, []).append(path)

    def find(self, path: tuple[str, ...], place: Place) -> Path:
        """Finds the clip of one listed path; raises a UserError if it is absent or several clips match."""
        shown = "/".join(path)
        for tail in _tails((*path[:-1], without_suffix(path[-1]))):
            if tail not in self._found:
                continue
            if self._listed[tail] > 1:
                break
            found = self._found[tail]
            exact = [candidate for candidate in found if path_parts(candidate.name)[-1] == path[-1]]
            if len(found) > 1 and len(exact) != 1:
                raise place.error(
                    f"clip {shown} could be {found[0]} or {found[1]}; set dataset.root to the folder that holds "
                    "only the right ones"
                )
            return exact[0] if len(exact) == 1 else found[0]
        raise place.error(
            f"clip {shown} is not under {self._root}: no folder or video there matches this clip and no other; "
            f"set dataset.root to the folder under which all clips lie.{self._tree.hint()}"
        )


def _key(name: str) -> str:
    return without_suffix(path_parts(name)[-1])


def _tails(path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Iterates over the ends of a path, from the longest to the shortest."""
    return (path[start:] for start in range(len(path)))


def _not_found(what: str) -> UserError:
    return UserError(f"The clips of the lists were not found: {what} Expected:\n{EXPECTED}")
