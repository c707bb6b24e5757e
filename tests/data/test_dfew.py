from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from micacl.data.decoding import decode_frames
from micacl.data.dfew import load_dfew
from micacl.data.expressions import CLASS_NAMES
from micacl.errors import UserError

TRAIN = range(1, 15)
TEST = range(15, 22)


def split_file(root: Path, part: str, fold: int = 1) -> Path:
    return root / "EmoLabel_DataSplit" / f"{part}(single-labeled)" / f"set_{fold}.csv"


def write_list(path: Path, numbers: range, template: str = "{number},{label}") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [template.format(number=number, label=(number - 1) % 7 + 1) for number in numbers]
    path.write_text("\n".join(["video_name,label", *rows, ""]))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small DFEW: 14 training and 7 test clips, each a folder with two frames."""
    for number in (*TRAIN, *TEST):
        folder = tmp_path / "DFEW" / "Clip" / "clip_224x224" / f"{number:05d}"
        folder.mkdir(parents=True)
        for frame in (1, 2):
            Image.fromarray(np.full((8, 8, 3), 10 * number + frame, np.uint8)).save(folder / f"{frame:05d}.jpg")
    for fold in range(1, 6):
        write_list(split_file(tmp_path / "DFEW", "train", fold), TRAIN)
        write_list(split_file(tmp_path / "DFEW", "test", fold), TEST)
    return tmp_path / "DFEW"


def test_the_official_layout_is_read(root: Path) -> None:
    split = load_dfew(root, 3)
    assert split.class_names == CLASS_NAMES
    assert [clip.name for clip in split.train] == [f"{number:05d}" for number in TRAIN]
    assert [clip.name for clip in split.test] == [f"{number:05d}" for number in TEST]
    assert [clip.label for clip in split.test] == [0, 1, 2, 3, 4, 5, 6]
    assert {clip.subject for clip in split.train} == {None}
    frames = decode_frames(split.test[0].path, np.arange)
    assert frames[:, 0, 0, 0].tolist() == [151, 152]


def test_each_fold_has_its_own_files(root: Path) -> None:
    write_list(split_file(root, "train", 2), TEST)
    write_list(split_file(root, "test", 2), TRAIN)
    assert [clip.name for clip in load_dfew(root, 2).test] == [f"{number:05d}" for number in TRAIN]


@pytest.mark.parametrize("template", ["{number:05d},{label}", " {number} , {label} ,x", "{number},{label}\r\n\r\n"])
def test_padded_names_and_spreadsheet_leavings_are_read(template: str, root: Path) -> None:
    path = split_file(root, "test")
    write_list(path, TEST, template)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [clip.name for clip in load_dfew(root, 1).test] == [f"{number:05d}" for number in TEST]


def test_the_videos_are_used_where_there_are_no_frames(root: Path) -> None:
    (root / "Clip" / "clip_224x224").rename(root / "faces")
    for number in (*TRAIN, *TEST):
        folder = root / "Clip" / "original" / f"part_{number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.mp4").touch()
    assert load_dfew(root, 1).test[0].path == root / "Clip" / "original" / "part_0" / "15.mp4"


@pytest.mark.parametrize("fold", [0, 6])
def test_another_fold_is_an_error(fold: int, root: Path) -> None:
    with pytest.raises(UserError, match=f"fold is {fold}; DFEW has the folds 1 to 5"):
        load_dfew(root, fold)


def remove(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def test_missing_data_is_told_with_the_layout_and_where_to_get_it(root: Path) -> None:
    expected = {
        "dataset.root is not set": None,
        f"{root.parent / 'nowhere'} is not a folder": root.parent / "nowhere",
        f"{root / 'Clip' / 'EmoLabel_DataSplit'}": root / "Clip",
    }
    for what, wrong_root in expected.items():
        with pytest.raises(UserError) as caught:
            load_dfew(wrong_root, 1)
        message = str(caught.value)
        assert what in message
        for part in ("EmoLabel_DataSplit", "clip_224x224/00001/*.jpg", "dfew-dataset.github.io", "dataset.root=/path"):
            assert part in message
    remove(root / "Clip" / "clip_224x224")
    with pytest.raises(UserError, match=r"Neither .*clip_224x224 nor .*original is a folder"):
        load_dfew(root, 1)
    (root / "Clip" / "clip_224x224").mkdir()
    with pytest.raises(UserError, match=r"clip_224x224 has no clips"):
        load_dfew(root, 1)
    remove(split_file(root, "test"))
    with pytest.raises(UserError, match=r"test\(single-labeled\)/set_1.csv is missing"):
        load_dfew(root, 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("16,0", 'label is "0"; it must be a whole number from 1 to 7'),
        ("16,8", 'label is "8"; it must be a whole number from 1 to 7'),
        ("16,happy", 'label is "happy"'),
        ("16,", "there is no value for label"),
        ("sixteen,1", 'video_name is "sixteen"'),
        ("15,1", "clip 15 was already listed on line 2"),
        ("00015,1", "clip 15 was already listed on line 2"),
        ("999,1", "clip 999 is not among the 21 clips in"),
    ],
)
def test_a_wrong_row_is_named_with_its_file_and_line(line: str, message: str, root: Path) -> None:
    path = split_file(root, "test")
    lines = path.read_text().splitlines()
    lines[2] = line
    path.write_text("\n".join(lines))
    with pytest.raises(UserError) as caught:
        load_dfew(root, 1)
    assert str(caught.value).startswith(f"{path}, line 3: ")
    assert message in str(caught.value)


def test_a_missing_column_is_named(root: Path) -> None:
    path = split_file(root, "train")
    path.write_text(path.read_text().replace("video_name,label", "video,annotation"))
    with pytest.raises(UserError, match=r"line 1: the header is .*lacks video_name, label"):
        load_dfew(root, 1)


def test_a_clip_in_both_lists_is_an_error(root: Path) -> None:
    write_list(split_file(root, "test"), range(14, 22))
    with pytest.raises(UserError, match=r"clip 00014 .* lies in the training and in the test split"):
        load_dfew(root, 1)
