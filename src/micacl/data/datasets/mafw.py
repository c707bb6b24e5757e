"""MAFW (Liu et al., 2022), single-label part: 9,172 clips of 11 expressions, 5 folds."""

import re
from collections.abc import Iterator
from pathlib import Path

from micacl.data.datasets.listing import Entry, Listing
from micacl.data.datasets.official import (
    Layout,
    SplitFile,
    clip_number,
    is_number,
    read_official,
    read_split_lines,
)
from micacl.data.datasets.text_file import Place
from micacl.data.expressions import MAFW_CLASS_NAMES, expression

NUM_FOLDS = 5

EXPECTED = """\
  /path/to/MAFW
    Train & Test Set/single/no_caption
      set_1/train.txt, test.txt ... set_5/train.txt, test.txt
    data
      faces/00001/*.jpg ...   one folder of face crops for each clip
      clips/00001.mp4 ...     or the videos, used where there are no frames"""

OBTAIN = (
    "MAFW is licensed for research on request: https://github.com/MAFW-database/MAFW has the form. "
    "Unpack it and set dataset.root=/path/to/MAFW."
)

_SPLIT_FILE = re.compile(r"set_?0?(?P<fold>[1-5])/(?P<part>train|test)\.(txt|csv)")
# Lists of compound expressions, and lists with a caption for each clip, lie beside the single-label ones.
_OTHER_LISTS = re.compile(r"compound|multi|(?<!no_)caption")
_EXAMPLE = "00001.mp4 anger"
_LINE = re.compile(r'"?(?P<clip>[^\s,"]+)"?[\s,]+"?(?P<label>[^\s,"]+)"?')


def read_mafw(root: Path | None, fold: int | None = None) -> Listing:
    """Reads the official splits of the single-label part.

    Args:
        root: The option `dataset.root`.
        fold: The fold to read, from 1 to 5; None reads all folds.

    Returns:
        The listing, with 11 classes. The lists do not say who is shown, so the clips have no subject.

    Raises:
        UserError: If there is no such fold, the data is not there (the message shows the layout), or
            a split file has a mistake (the message names its line).
    """
    return read_official(_LAYOUT, root, fold, NUM_FOLDS, MAFW_CLASS_NAMES, _entries)


def _entries(split_file: Path) -> Iterator[Entry]:
    """Reads one split file: `00001.mp4 anger`, separated by spaces, a tab or a comma, with a header or without."""
    for place, line in read_split_lines(split_file, _EXAMPLE):
        yield _entry(place, line)


def _entry(place: Place, line: str) -> Entry:
    match = _LINE.fullmatch(line)
    number = re.split(r"[/\\]", match["clip"])[-1].partition(".")[0] if match else ""
    if match is None or not is_number(number):
        raise place.error(f'"{line}" is not a clip and its label; a line must read like `{_EXAMPLE}`')
    name = expression(match["label"])
    if name is None:
        raise place.error(
            f'label is "{match["label"]}"; it must be one of {", ".join(MAFW_CLASS_NAMES)} '
            "(for lists with numbers, use dataset=list)"
        )
    return Entry(f"{int(number):05d}", MAFW_CLASS_NAMES.index(name), place)


def _split_file(path: Path) -> SplitFile | None:
    match = _SPLIT_FILE.fullmatch("/".join(path.parts[-2:]).lower())
    if match is None or _OTHER_LISTS.search("/".join(path.parts[-5:-2]).lower()):
        return None
    variant = 0 if path.suffix.lower() == ".txt" else 1
    return SplitFile(int(match["fold"]), "train" if match["part"] == "train" else "test", variant)


def _preparation(path: str, are_videos: bool) -> int:
    if are_videos:
        return 3
    if "face" in path:
        return 0
    return 2 if "frames" in path else 1  # data/frames: the whole picture


_LAYOUT = Layout(
    title="MAFW",
    expected=EXPECTED,
    obtain=OBTAIN,
    example="Train & Test Set/single/no_caption/set_1/train.txt",
    split_file=_split_file,
    clip=clip_number,
    preparation=_preparation,
)
