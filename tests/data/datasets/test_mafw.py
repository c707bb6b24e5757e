from pathlib import Path

import pytest
from tests.data.datasets.trees import add_clips, mafw_lines, numbered, write_text

from micacl.data.datasets.listing import load_split
from micacl.data.datasets.mafw import read_mafw
from micacl.data.expressions import MAFW_CLASS_NAMES
from micacl.data.split import Split
from micacl.errors import UserError

OFFICIAL = "Train & Test Set/single/no_caption"
TRAIN, TEST = range(1, 23), range(23, 34)
ALL = (*TRAIN, *TEST)


def load(root: Path | None, fold: int = 1) -> Split:
    return load_split(read_mafw(root, fold), fold)


def add_lists(folder: Path, suffix: str = ".txt") -> None:
    for fold in range(1, 6):
        write_text(folder / f"set_{fold}" / f"train{suffix}", mafw_lines(TRAIN))
        write_text(folder / f"set_{fold}" / f"test{suffix}", mafw_lines(TEST))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """22 training and 11 test clips."""
    add_clips(tmp_path / "MAFW" / "data" / "faces", numbered(ALL))
    add_lists(tmp_path / "MAFW" / OFFICIAL)
    return tmp_path / "MAFW"


def assert_is_mafw(split: Split, folder: Path, suffix: str = "") -> None:
    assert split.class_names == MAFW_CLASS_NAMES
    assert [clip.name for clip in split.train] == numbered(TRAIN)
    assert [clip.name for clip in split.test] == numbered(TEST)
    assert [clip.path for clip in split.test] == [folder / name for name in numbered(TEST, suffix)]
    assert [clip.label for clip in split.test] == list(range(11))


@pytest.mark.parametrize("lists", [OFFICIAL, "label/no_caption", "."])
@pytest.mark.parametrize(
    ("folder", "suffix"), [("data/faces", ""), ("faces/faces", ""), ("data/clips", ".mp4"), ("data/frames", "")]
)
def test_every_layout_is_found(lists: str, folder: str, suffix: str, tmp_path: Path) -> None:
    root = tmp_path / "MAFW" / "MAFW"
    add_clips(root / folder, numbered(ALL, suffix))
    add_lists(root / lists)
    for given in (root, root.parent, tmp_path):
        assert_is_mafw(load(given, 4), root / folder, suffix)


@pytest.mark.parametrize("below", ["data", "data/faces"])
def test_a_root_that_is_a_folder_of_clips_is_enough(below: str, root: Path) -> None:
    assert_is_mafw(load(root / below), root / "data" / "faces")


@pytest.mark.parametrize("below", ["Train & Test Set", "Train & Test Set/single"])
def test_a_root_that_is_the_folder_of_split_files_is_refused(below: str, root: Path) -> None:
    with pytest.raises(UserError, match=r"only split files; .*set dataset.root to the folder that holds both"):
        load(root / below)


def test_faces_are_preferred_to_whole_pictures_and_other_lists_are_left_alone(root: Path) -> None:
    for other in ("data/frames", "data/my own"):
        add_clips(root / other, numbered(ALL))
    add_clips(root / "data" / "clips", numbered(ALL, ".mp4"))
    for other in ("compound/no_caption", "single/caption", "single/with_caption"):
        write_text(root / "Train & Test Set" / other / "set_1" / "train.txt", ["00001.mp4 anger_fear"])
        write_text(root / "Train & Test Set" / other / "set_1" / "test.txt", ["00002.mp4 anger_fear"])
    assert_is_mafw(load(root), root / "data" / "faces")


@pytest.mark.parametrize("line", ["{}.mp4\t{}\r", "{},{}", '"{}.mp4", "{}"', "data/faces/{} {}", "data\\faces\\{} {}"])
@pytest.mark.parametrize("header", [(), ("\ufeffvideo label",)])
def test_variants_of_the_lines_are_read(line: str, header: tuple[str, ...], root: Path) -> None:
    spelled = {"happiness": "Happy", "sadness": "Sadness", "anger": "angry"}
    lines = [text.split(".mp4 ") for text in mafw_lines(TEST)]
    write_text(
        root / OFFICIAL / "set_1" / "test.txt",
        (*header, *(line.format(number, spelled.get(name, name)) for number, name in lines)),
    )
    assert_is_mafw(load(root), root / "data" / "faces")


@pytest.mark.parametrize("fold", [0, 6])
def test_another_fold_is_an_error(fold: int, root: Path) -> None:
    with pytest.raises(UserError, match=f"fold is {fold}; MAFW has the folds 1 to 5"):
        load(root, fold)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("00099.mp4 anger", "clip 00099 is not among the 33 clips in"),
        ("00024.mp4 boredom", 'label is "boredom"; it must be one of happiness, sadness'),
        ("00024.mp4 3", 'label is "3"; it must be one of happiness, sadness'),
        ("00024.mp4", "is not a clip and its label; a line must read like `00001.mp4 anger`"),
        ("twelve.mp4 anger", "is not a clip and its label"),
        ("00023.mp4 happiness", "clip 00023 was already listed on line 1"),
    ],
)
def test_a_wrong_line_is_named_with_its_file_and_line(line: str, message: str, root: Path) -> None:
    path = root / OFFICIAL / "set_1" / "test.txt"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UserError) as caught:
        load(root)
    assert str(caught.value).startswith(f"{path}, line 12: ")
    assert message in str(caught.value)


def test_missing_data_is_told_with_the_layout_and_where_to_get_it(root: Path) -> None:
    (root / "data" / "faces").rename(root.parent / "elsewhere")
    for given, what in ((None, "dataset.root is not set"), (root, f"there are no clips in {root}")):
        with pytest.raises(UserError, match="MAFW was not found: ") as caught:
            load(given)
        for part in (what, "faces/00001/*.jpg", "github.com/MAFW-database/MAFW", "dataset.root=/path/to/MAFW"):
            assert part in str(caught.value)
