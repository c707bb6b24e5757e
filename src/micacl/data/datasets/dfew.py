"""DFEW (Jiang et al., 2020): 11,697 single-labelled clips from films, 5 folds."""

import re
from collections.abc import Iterator
from pathlib import Path

from micacl.data.datasets.csv_rows import read_rows
from micacl.data.datasets.listing import Entry, Listing
from micacl.data.datasets.official import Layout, SplitFile, clip_number, read_official
from micacl.data.expressions import CLASS_NAMES

NUM_FOLDS = 5

EXPECTED = """\
  /path/to/DFEW
    EmoLabel_DataSplit
      train(single-labeled)/set_1.csv ... set_5.csv
      test(single-labeled)/set_1.csv ... set_5.csv
    Clip
      clip_224x224/00001/*.jpg ...   aligned faces, one folder of frames for each clip
      original/1.mp4 ...             or the videos, used where there are no frames"""

OBTAIN = (
    "DFEW is licensed for research on request: the application form is at https://dfew-dataset.github.io. "
    "Unpack it and set dataset.root=/path/to/DFEW."
)

# Each matches the last two parts of a split file's path, in lower case; the official one comes first.
_SPLIT_FILES = (
    re.compile(r"(?P<part>train|test)\(single-labell?ed\)/set_(?P<fold>\d)\.csv"),
    re.compile(r".*/(?P<part>train|test)_set_(?P<fold>\d)\.csv"),
    re.compile(r".*/single_(?P<part>train|test)set_(?P<fold>\d)\.csv"),
    re.compile(r"(?P<part>train|test)/set_(?P<fold>\d)\.csv"),
)


def read_dfew(root: Path | None, fold: int | None = None) -> Listing:
    """Reads the official splits.

    Args:
        root: The option `dataset.root`.
        fold: The fold to read, from 1 to 5; None reads all folds.

    Returns:
        The listing. DFEW does not say who is shown, so its clips have no subject.

    Raises:
        UserError: If there is no such fold, the data is not there (the message shows the layout), or
            a split file has a mistake (the message names its line).
    """
    return read_official(_LAYOUT, root, fold, NUM_FOLDS, CLASS_NAMES, _entries)


def _entries(split_file: Path) -> Iterator[Entry]:
    """Reads one split file: header `video_name,label`, labels 1 to 7, names with or without leading zeros."""
    for row in read_rows(split_file, ("video_name", "label")):
        number = row.integer("video_name", 0)
        label = row.integer("label", 1, len(CLASS_NAMES)) - 1
        yield Entry(f"{number:05d}", label, row.place)


def _split_file(path: Path) -> SplitFile | None:
    name = "/".join(path.parts[-2:]).lower()
    for variant, pattern in enumerate(_SPLIT_FILES):
        if match := pattern.fullmatch(name):
            return SplitFile(int(match["fold"]), "train" if match["part"] == "train" else "test", variant)
    return None


def _preparation(path: str, are_videos: bool) -> int:
    if are_videos:
        return 4 if "224" in path else 5
    if "16f" in path:
        return 3
    if "jpg_256" in path:
        return 2
    return 0 if "clip_224x224" in path else 1


_LAYOUT = Layout(
    title="DFEW",
    expected=EXPECTED,
    obtain=OBTAIN,
    example="EmoLabel_DataSplit/train(single-labeled)/set_1.csv",
    split_file=_split_file,
    clip=clip_number,
    preparation=_preparation,
)
