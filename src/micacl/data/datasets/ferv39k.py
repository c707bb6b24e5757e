"""FERV39k (Wang et al., 2022): 38,935 clips of 22 scenes, one official split."""

import re
from collections.abc import Iterator
from pathlib import Path

from micacl.data.datasets.csv_rows import whole_number
from micacl.data.datasets.listing import Entry, Fold, Listing, check_listed_once
from micacl.data.datasets.official import Layout, SplitFile, find_official, is_number, read_split_lines
from micacl.data.datasets.text_file import Place
from micacl.data.expressions import CLASS_NAMES, FERV39K_IDS, expression
from micacl.errors import UserError

EXPECTED = """\
  /path/to/FERV39k
    4_setups/All_scenes/train_All.csv, test_All.csv
    2_ClipsforFaceCrop
      Crime/Angry/0063/*.jpg ...   scene, expression, one folder of face crops (or a video) for each clip"""

OBTAIN = (
    "FERV39k is free for research on request: https://github.com/wangyanckxx/FERV39k says whom to write for the "
    "password. Unpack it and set dataset.root=/path/to/FERV39k."
)

_SPLIT_FILE = re.compile(r"(train|test)_all(_scenes)?\.csv")
_EXAMPLE = "Crime/Angry/0063 Angry"

# FERV39k's own spelling of the expressions in its paths.
_SPELLING = {
    "anger": "Angry",
    "disgust": "Disgust",
    "fear": "Fear",
    "happiness": "Happy",
    "neutral": "Neutral",
    "sadness": "Sad",
    "surprise": "Surprise",
}


def read_ferv39k(root: Path | None, fold: int | None = None) -> Listing:
    """Reads the official split.

    Args:
        root: The option `dataset.root`.
        fold: The fold to read: None or 1, because there is only one split.

    Returns:
        The listing. FERV39k does not say who is shown, so its clips have no subject.

    Raises:
        UserError: If another fold is asked for, the data is not there (the message shows the layout),
            or a split file has a mistake (the message names its line).
    """
    if fold not in (None, 1):
        raise UserError(f"fold is {fold}; FERV39k has one official split, so set fold=1")
    found = find_official(_LAYOUT, root, (1,))

    def find(entry: Entry) -> Path:
        scene, shown, number = entry.name.split("/")
        return found.find(_key(scene, shown, number), entry)

    train, test = (check_listed_once(_entries(found.lists[1, part])) for part in ("train", "test"))
    return Listing(CLASS_NAMES, (Fold(1, train, test),), find)


def _entries(split_file: Path) -> Iterator[Entry]:
    """Reads one split file: `Crime/Angry/0063 Angry`, or `Crime/Angry/0063,0`, with a header or without."""
    for place, line in read_split_lines(split_file, _EXAMPLE):
        yield _entry(place, *_path_and_label(line))


def _path_and_label(line: str) -> tuple[str, str]:
    path, _, label = line.rpartition(",") if "," in line else line.replace("\t", " ").rpartition(" ")
    return path.strip().strip('"'), label.strip().strip('"')


def _entry(place: Place, path: str, label: str) -> Entry:
    parts = path.replace("\\", "/").split("/")[-3:]
    number = parts[-1].partition(".")[0]
    shown = expression(parts[1]) if len(parts) == 3 else None
    if shown not in _SPELLING or not is_number(number):
        raise place.error(f'"{path} {label}" is not a clip and its label; a line must read like `{_EXAMPLE}`')
    name = f"{parts[0]}/{_SPELLING[shown]}/{int(number):04d}"
    named = _label_name(place, label)
    if named != shown:
        raise place.error(f'clip {name} has the label "{label}", which is {named}, but lies in the folder {parts[1]}')
    return Entry(name, CLASS_NAMES.index(named), place)


def _label_name(place: Place, label: str) -> str:
    """Returns the expression that a label names or numbers."""
    if is_number(label):
        return FERV39K_IDS[whole_number(place, "label", label, 0, len(FERV39K_IDS) - 1)]
    name = expression(label)
    if name not in _SPELLING:
        raise place.error(f'label is "{label}"; it must be one of {", ".join(_SPELLING.values())}, or 0 to 6')
    return name


def _split_file(path: Path) -> SplitFile | None:
    match = _SPLIT_FILE.fullmatch(path.name.lower())
    return SplitFile(1, "train" if match[1] == "train" else "test", 0) if match else None


def _clip(folder: Path, stem: str) -> tuple[str, str, int] | None:
    if not is_number(stem) or expression(folder.name) not in _SPELLING:
        return None
    return _key(folder.parent.name, folder.name, stem)


def _key(scene: str, shown: str, number: str) -> tuple[str, str, int]:
    return scene.casefold(), expression(shown) or shown, int(number)


def _preparation(path: str, are_videos: bool) -> int:
    if are_videos:
        return 3
    if "facecrop" in path:
        return 0
    return 2 if "scen" in path else 1  # 3_ClipsforScenImages: the whole picture


_LAYOUT = Layout(
    title="FERV39k",
    expected=EXPECTED,
    obtain=OBTAIN,
    example="4_setups/All_scenes/train_All.csv",
    split_file=_split_file,
    clip=_clip,
    preparation=_preparation,
)
