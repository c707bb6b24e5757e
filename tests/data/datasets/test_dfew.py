import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.data.datasets.trees import (
    TEST,
    TRAIN,
    add_clips,
    add_dfew_lists,
    dfew_label,
    dfew_lines,
    numbered,
    refuse_to_list,
    write_text,
)

from micacl.data.datasets.dfew import read_dfew
from micacl.data.datasets.listing import load_split
from micacl.data.expressions import CLASS_NAMES
from micacl.data.frames.decoding import decode_frames
from micacl.data.split import Split
from micacl.errors import UserError

OFFICIAL = ("EmoLabel_DataSplit/train(single-labeled)/set_{}.csv", "EmoLabel_DataSplit/test(single-labeled)/set_{}.csv")
ALL = (*TRAIN, *TEST)


def load(root: Path | None, fold: int = 1) -> Split:
    return load_split(read_dfew(root, fold), fold)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small DFEW: 14 training and 7 test clips; fold 2 the other way round."""
    root = tmp_path / "data sets" / "DFEW"
    add_clips(root / "Clip" / "clip_224x224", numbered(ALL))
    add_dfew_lists(root, *OFFICIAL)
    return root


def assert_is_dfew(split: Split, folder: Path, names: Iterable[str]) -> None:
    """The split holds every clip, with its label, at the expected place."""
    assert split.class_names == CLASS_NAMES
    assert [clip.name for clip in split.train] == numbered(TRAIN)
    assert [clip.name for clip in split.test] == numbered(TEST)
    for clip, name in zip((*split.train, *split.test), names, strict=True):
        assert clip.path == folder / name
        assert clip.label == dfew_label(int(clip.name)) - 1


def test_the_official_layout_is_read(root: Path) -> None:
    assert_is_dfew(load(root, 3), root / "Clip" / "clip_224x224", numbered(ALL))
    assert {clip.subject for clip in load(root).train} == {None}


def test_the_frames_can_be_decoded(root: Path) -> None:
    for number in ALL:
        for frame in (1, 2):
            path = root / "Clip" / "clip_224x224" / f"{number:05d}" / f"{frame:05d}.jpg"
            Image.fromarray(np.full((8, 8, 3), 10 * number + frame, np.uint8)).save(path)
    assert decode_frames(load(root).test[0].path, np.arange)[:, 0, 0, 0].tolist() == [151, 152]


def test_each_fold_has_its_own_files(root: Path) -> None:
    assert [clip.name for clip in load(root, 2).test] == numbered(TRAIN)
    listing = read_dfew(root)
    assert [fold.number for fold in listing.folds] == [1, 2, 3, 4, 5]
    assert [len(fold.train) for fold in listing.folds] == [14, 7, 14, 14, 14]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        OFFICIAL,
        ("EmoLabel_DataSplit/train/set_{}.csv", "EmoLabel_DataSplit/test/set_{}.csv"),
        ("train_set_{}.csv", "test_set_{}.csv"),
        ("labels/train_set_{}.csv", "labels/test_set_{}.csv"),
        ("label/single_trainset_{}.csv", "label/single_testset_{}.csv"),
    ],
)
@pytest.mark.parametrize(
    ("folder", "suffix", "width"),
    [
        ("Clip/clip_224x224", "", 5),
        ("Clip/clip_224x224/clip_224x224", "", 5),
        ("Clip/clip_224x224", "", 1),
        ("data", "", 5),
        ("Clip/jpg_256", "", 5),
        ("Clip/clip_224x224_16f", "", 5),
        ("Clip/original", ".mp4", 1),
        ("Clip/clip_224x224_avi", ".avi", 5),
    ],
)
def test_every_layout_is_found(train: str, test: str, folder: str, suffix: str, width: int, tmp_path: Path) -> None:
    names = [f"{number:0{width}d}{suffix}" for number in ALL]
    root = tmp_path / "DFEW" / "DFEW"
    add_clips(root / folder, names)
    add_dfew_lists(root, train, test)
    # The right folder, the one above it (which has the same name), and one too high.
    for given in (root, root.parent, tmp_path):
        assert_is_dfew(load(given), root / folder, names)


def test_frames_in_the_layout_of_the_authors_code_are_decoded(tmp_path: Path) -> None:
    add_dfew_lists(tmp_path, "label/single_trainset_{}.csv", "label/single_testset_{}.csv")
    for number in ALL:
        folder = tmp_path / "data" / f"{number:05d}"
        folder.mkdir(parents=True)
        Image.fromarray(np.full((4, 4, 3), number, np.uint8)).save(folder / f"{number:05d}_00001.png")
    assert decode_frames(load(tmp_path).test[0].path, np.arange).shape == (1, 4, 4, 3)


@pytest.mark.parametrize("below", ["Clip", "Clip/clip_224x224"])
def test_a_root_that_is_a_folder_of_clips_is_enough(below: str, root: Path) -> None:
    assert_is_dfew(load(root / below), root / "Clip" / "clip_224x224", numbered(ALL))


def test_a_root_that_is_the_folder_of_split_files_is_told_which_folder_to_set(root: Path) -> None:
    assert_not_found(
        root / "EmoLabel_DataSplit",
        f"there are no clips in {root / 'EmoLabel_DataSplit'}, only split files; "
        "unpack the clips, or set dataset.root to the folder that holds both.",
    )
    assert_not_found(root / "EmoLabel_DataSplit" / "train(single-labeled)", "no lists of the training and test clips")


def test_the_official_frames_are_preferred_to_all_other_copies(root: Path) -> None:
    for other in ("aligned_clip_224x224_16f", "jpg_256", "Clip/clip_224x16f", "more"):
        add_clips(root / other, numbered(ALL))
    add_clips(root / "Clip" / "original", numbered(ALL, ".mp4"))
    assert_is_dfew(load(root), root / "Clip" / "clip_224x224", numbered(ALL))


def test_the_root_tells_which_copy_is_meant(root: Path) -> None:
    add_clips(root / "Clip" / "clip_224x224_16f", numbered(ALL))
    assert_is_dfew(load(root / "Clip" / "clip_224x224_16f"), root / "Clip" / "clip_224x224_16f", numbered(ALL))


def test_two_copies_that_could_both_be_meant_are_an_error(root: Path) -> None:
    add_clips(root / "backup" / "clip_224x224", numbered(ALL))
    with pytest.raises(UserError, match=r"two clips that could be meant, .*00001 and .*00001; remove one, or set data"):
        load(root)


def test_parts_of_the_videos_in_several_folders_are_one_data_set(root: Path) -> None:
    (root / "Clip" / "clip_224x224").rename(root / "elsewhere")
    for path in (root / "elsewhere").iterdir():
        path.rmdir()
    for number in ALL:
        add_clips(root / "Clip" / "original" / f"part_{number % 3}", [f"{number}.mp4"])
    assert load(root).test[0].path == root / "Clip" / "original" / "part_0" / "15.mp4"


def test_another_data_set_beside_it_is_left_alone(root: Path) -> None:
    add_clips(root.parent / "MAFW" / "data" / "faces", numbered(ALL))
    add_clips(root.parent / "CLIP_224x224", numbered(ALL))
    write_text(root.parent / "MAFW" / "set_1" / "train.csv", ["00001.mp4 anger"])
    assert_is_dfew(load(root.parent), root / "Clip" / "clip_224x224", numbered(ALL))


def test_copies_of_a_split_file_must_agree(root: Path) -> None:
    path = write_text(root / "copy" / "train(single-labeled)" / "set_1.csv", dfew_lines(TRAIN))
    assert load(root)
    path.write_text(path.read_text().replace("14,7", "14,6"))
    with pytest.raises(UserError, match=r"set_1.csv and .*set_1.csv could both be meant, and differ; remove the wrong"):
        load(root)


def test_two_data_sets_side_by_side_are_an_error(root: Path) -> None:
    shutil.copytree(root, root.parent / "DFEW 2")
    with pytest.raises(
        UserError, match=r"DFEW is there twice, with the lists .*DFEW/E.* and .*DFEW 2/E.*; set dataset.r"
    ):
        load(root.parent)
    assert_is_dfew(load(root), root / "Clip" / "clip_224x224", numbered(ALL))


def test_links_are_followed_and_circles_are_not(root: Path) -> None:
    (root / "Clip").rename(root.parent / "on another disk")
    (root / "Clip").symlink_to(root.parent / "on another disk")
    (root / "Clip" / "clip_224x224" / "again").symlink_to(root)
    (root / "loop").symlink_to(root / "loop")
    (root / "up").symlink_to("..")
    assert [clip.name for clip in load(root).test] == numbered(TEST)


@pytest.mark.parametrize("template", ["{:05d},{}", " {} , {} ,x", "{},{}\r\n\r\n"])
def test_padded_names_and_spreadsheet_leavings_are_read(template: str, root: Path) -> None:
    path = root / OFFICIAL[1].format(1)
    text = "\n".join(["video_name,label", *(template.format(number, dfew_label(number)) for number in TEST)])
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [clip.name for clip in load(root).test] == numbered(TEST)


@pytest.mark.parametrize("fold", [0, 6])
def test_another_fold_is_an_error(fold: int, root: Path) -> None:
    with pytest.raises(UserError, match=f"fold is {fold}; DFEW has the folds 1 to 5"):
        load(root, fold)


def assert_not_found(root: Path | None, what: str) -> None:
    with pytest.raises(UserError) as caught:
        load(root)
    message = str(caught.value)
    assert message.startswith("DFEW was not found: ")
    for part in (
        what,
        "EmoLabel_DataSplit",
        "clip_224x224/00001/*.jpg",
        "dfew-dataset.github.io",
        "dataset.root=/path",
    ):
        assert part in message


def test_missing_data_is_told_with_the_layout_and_where_to_get_it(root: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty" / "empty" / "empty"
    empty.mkdir(parents=True)
    assert_not_found(None, "dataset.root is not set")
    assert_not_found(tmp_path / "nowhere", f"{tmp_path / 'nowhere'} is not a folder")
    assert_not_found(empty, f"such as {empty}/EmoLabel_DataSplit/train(single-labeled)/set_1.csv")
    # Clips beside the data set are another one's.
    (root / "Clip" / "clip_224x224").rename(root.parent / "clip_224x224")
    assert_not_found(root, f"there are no clips in {root}")
    (root / OFFICIAL[1].format(1)).unlink()
    assert_not_found(root, f"fold 1 (there is only {root / OFFICIAL[0].format(1)})")


def test_a_folder_that_cannot_be_read_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_list(root / "Clip", monkeypatch)
    assert_not_found(root, f"holds both. {root / 'Clip'} cannot be read; make it readable.")


def test_each_folder_is_listed_once_and_no_clip_is_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[Path] = []
    scandir = os.scandir

    def record(path: Path) -> object:
        listed.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", record)
    load(root)
    assert len(listed) == len(set(listed)) == 6  # the root, the two halves, train and test, clip_224x224


def test_a_root_without_end_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("micacl.data.datasets.official.MAX_FOLDERS", 5)
    with pytest.raises(UserError, match="more than 5 folders that are no clips; set it to the folder of DFEW itself"):
        load(root)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("16,0", 'label is "0"; it must be a whole number from 1 to 7'),
        ("16,8", 'label is "8"; it must be a whole number from 1 to 7'),
        ("16,happy", 'label is "happy"'),
        ("16,", "there is no value for label"),
        ("sixteen,1", 'video_name is "sixteen"'),
        ("15,1", "clip 00015 was already listed on line 2"),
        ("00015,1", "clip 00015 was already listed on line 2"),
        ("999,1", "clip 00999 is not among the 21 clips in"),
    ],
)
def test_a_wrong_row_is_named_with_its_file_and_line(line: str, message: str, root: Path) -> None:
    path = root / OFFICIAL[1].format(1)
    lines = path.read_text().splitlines()
    lines[2] = line
    path.write_text("\n".join(lines))
    with pytest.raises(UserError) as caught:
        load(root)
    assert str(caught.value).startswith(f"{path}, line 3: ")
    assert message in str(caught.value)


def test_a_missing_column_is_named(root: Path) -> None:
    path = root / OFFICIAL[0].format(1)
    path.write_text(path.read_text().replace("video_name,label", "video,annotation"))
    with pytest.raises(UserError, match=r"line 1: the header is .*lacks video_name, label"):
        load(root)


def test_a_clip_in_both_lists_is_an_error_that_names_both_lines(root: Path) -> None:
    write_text(root / OFFICIAL[1].format(1), dfew_lines(range(14, 22)))
    with pytest.raises(UserError) as caught:
        load(root)
    test, train = (root / name.format(1) for name in reversed(OFFICIAL))
    expected = f"{test}, line 2: clip 00014 lies in the training and in the test split ({train}, line 15)"
    assert str(caught.value).startswith(expected)
