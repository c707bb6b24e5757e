"""DFEW (Jiang et al., 2020) in its official layout."""

from pathlib import Path

from micacl.data.csv_rows import read_rows
from micacl.data.expressions import CLASS_NAMES
from micacl.data.split import Clip, Split
from micacl.errors import UserError

NUM_FOLDS = 5

LAYOUT = """\
  /path/to/DFEW
    EmoLabel_DataSplit
      train(single-labeled)/set_1.csv ... set_5.csv
      test(single-labeled)/set_1.csv ... set_5.csv
    Clip
      clip_224x224/00001/*.jpg ...   aligned faces, one folder of frames for each clip
      original/1.mp4 ...             or the videos, used where clip_224x224 is not there"""

OBTAIN = (
    "DFEW is licensed for research on request: the application form is at https://dfew-dataset.github.io. "
    "Unpack it and set dataset.root=/path/to/DFEW."
)


def load_dfew(root: Path | None, fold: int) -> Split:
    """Read the official split of one fold.

    Args:
        root: the folder that holds `EmoLabel_DataSplit` and `Clip`.
        fold: 1 to 5.

    Returns:
        The split. DFEW does not say who is shown, so its clips have no subject.

    Raises:
        UserError: there is no such fold; the data is not there (the message shows the layout and how to obtain it); or
            a split file has a mistake (the message names its line).
    """
    if not 1 <= fold <= NUM_FOLDS:
        raise UserError(f"fold is {fold}; DFEW has the folds 1 to {NUM_FOLDS}")
    if root is None:
        raise _not_found("dataset.root is not set.")
    if not root.is_dir():
        raise _not_found(f"{root} is not a folder.")
    lists = {
        part: root / "EmoLabel_DataSplit" / f"{part}(single-labeled)" / f"set_{fold}.csv" for part in ("train", "test")
    }
    for path in lists.values():
        if not path.is_file():
            raise _not_found(f"{path} is missing.")
    paths = _clip_paths(root / "Clip")
    train, test = (_read_list(lists[part], paths) for part in ("train", "test"))
    return Split(CLASS_NAMES, train, test)


def _read_list(split_file: Path, paths: dict[int, Path]) -> tuple[Clip, ...]:
    """The clips of one split file.

    Args:
        split_file: header `video_name,label`, labels 1 to 7; names with or without leading zeros.
        paths: number of each clip on disk to its folder or file.

    Returns:
        The clips in the file's order, labels from 0.

    Raises:
        UserError: a row is wrong or repeated, or its clip is not on disk.
    """
    clips: dict[int, Clip] = {}
    lines: dict[int, int] = {}
    for row in read_rows(split_file, ("video_name", "label")):
        number = row.integer("video_name", 0)
        if number in lines:
            raise row.error(f"clip {number} was already listed on line {lines[number]}; list it once")
        label = row.integer("label", 1, len(CLASS_NAMES)) - 1
        if number not in paths:
            raise row.error(
                f"clip {number} is not among the {len(paths)} clips in {next(iter(paths.values())).parent}; "
                "unpack all parts of the data set"
            )
        lines[number] = row.line
        clips[number] = Clip(f"{number:05d}", paths[number], label)
    return tuple(clips.values())


def _clip_paths(folder: Path) -> dict[int, Path]:
    """Number of each clip to its folder of frames, or to its video where there are no frames.

    Listing a folder once is much faster than asking for each of its 11,697 clips, above all on a network disk.
    """
    frames, videos = folder / "clip_224x224", folder / "original"
    if frames.is_dir():
        found = {int(path.name): path for path in frames.iterdir() if path.name.isdecimal()}
    elif videos.is_dir():
        found = {int(path.stem): path for path in videos.rglob("*.mp4") if path.stem.isdecimal()}
    else:
        raise _not_found(f"Neither {frames} nor {videos} is a folder.")
    if not found:
        raise _not_found(f"{frames if frames.is_dir() else videos} has no clips.")
    return found


def _not_found(what: str) -> UserError:
    return UserError(f"DFEW was not found: {what} Expected:\n{LAYOUT}\n{OBTAIN}")
