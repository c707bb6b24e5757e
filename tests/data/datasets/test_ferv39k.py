from collections.abc import Callable
from pathlib import Path

import pytest
from tests.data.datasets.trees import FERV39K, add_clips, ferv39k_clips, write_text

from micacl.data.datasets.ferv39k import read_ferv39k
from micacl.data.datasets.listing import load_split
from micacl.data.expressions import CLASS_NAMES
from micacl.data.split import Split
from micacl.errors import UserError

LISTS = "4_setups/All_scenes"
# The ids of the copy with the header `path,id`.
IDS = {"Angry": 0, "Disgust": 1, "Fear": 2, "Happy": 3, "Neutral": 4, "Sad": 5, "Surprise": 6}


def load(root: Path | None) -> Split:
    return load_split(read_ferv39k(root, 1), 1)


def official(path: str, shown: str) -> str:
    return f"{path} {shown}"


def numbered(path: str, shown: str) -> str:
    return f"{path},{IDS[shown]}"


def add_lists(folder: Path, line: Callable[[str, str], str] = official, header: tuple[str, ...] = ()) -> None:
    clips = ferv39k_clips()
    for part, offset in (("train", 0), ("test", 1)):
        write_text(folder / f"{part}_All.csv", (*header, *(line(*clip) for clip in clips[offset::2])))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """14 training and 14 test clips of two scenes."""
    root = tmp_path / "FERV39k"
    add_clips(root / "2_ClipsforFaceCrop", (path for path, _ in ferv39k_clips()))
    add_lists(root / LISTS)
    return root


def assert_is_ferv39k(split: Split, folder: Path, suffix: str = "") -> None:
    assert split.class_names == CLASS_NAMES
    clips = ferv39k_clips()
    for part, offset in ((split.train, 0), (split.test, 1)):
        assert [clip.name for clip in part] == [path for path, _ in clips[offset::2]]
        assert [clip.path for clip in part] == [folder / f"{path}{suffix}" for path, _ in clips[offset::2]]
        # An independent table of what each folder's name means.
        assert [clip.label for clip in part] == [FERV39K.index(shown) for _, shown in clips[offset::2]]


@pytest.mark.parametrize(
    ("line", "header"),
    [
        (official, ()),
        (official, ("video_name label",)),
        (lambda path, shown: f'"{path}" {shown.lower()}', ()),
        (lambda path, shown: f"2_ClipsforFaceCrop\\{path}\t{shown} \r".replace("/", "\\"), ()),
        (numbered, ("path,id",)),
        (numbered, ("\ufeffpath,id",)),
        (lambda path, shown: f"{path}.mp4,{shown}", ()),
    ],
)
def test_every_variant_of_the_lists_is_read(
    line: Callable[[str, str], str], header: tuple[str, ...], root: Path
) -> None:
    add_lists(root / LISTS, line, header)
    assert_is_ferv39k(load(root), root / "2_ClipsforFaceCrop")


@pytest.mark.parametrize(
    ("folder", "lists", "suffix"),
    [
        ("2_ClipsforFaceCrop", LISTS, ""),
        ("2_ClipsforFaceCrop/2_ClipsforFaceCrop", LISTS, ""),
        ("2_ClipsforFaceCrop-002/2_ClipsforFaceCrop", "drive-download-001/4_setups/All_scenes", ""),
        (".", ".", ""),
        ("videos", "All_scenes", ".mp4"),
    ],
)
def test_every_layout_is_found(folder: str, lists: str, suffix: str, tmp_path: Path) -> None:
    root = tmp_path / "FERV39K" / "FERV39K"
    add_clips(root / folder, (f"{path}{suffix}" for path, _ in ferv39k_clips()))
    add_lists(root / lists)
    for given in (root, root.parent, tmp_path):
        assert_is_ferv39k(load(given), root / folder, suffix)


def test_a_root_that_is_the_folder_of_clips_is_enough(root: Path) -> None:
    assert_is_ferv39k(load(root / "2_ClipsforFaceCrop"), root / "2_ClipsforFaceCrop")


@pytest.mark.parametrize("below", ["4_setups", LISTS])
def test_a_root_that_is_the_folder_of_split_files_is_refused(below: str, root: Path) -> None:
    with pytest.raises(UserError, match=r"only split files; .*set dataset.root to the folder that holds both"):
        load(root / below)


def test_faces_are_preferred_to_whole_pictures_and_other_lists_are_left_alone(root: Path) -> None:
    for other in ("3_ClipsforScenImages", "1_my_own"):
        add_clips(root / other, (path for path, _ in ferv39k_clips()))
    add_clips(root / "1_Clips", (f"{path}.mp4" for path, _ in ferv39k_clips()))
    write_text(root / "4_setups" / "22_scenes" / "train_Crime.csv", ["no list of ours"])
    assert_is_ferv39k(load(root), root / "2_ClipsforFaceCrop")


def test_another_data_set_is_not_taken_for_it(root: Path) -> None:
    (root / "2_ClipsforFaceCrop").rename(root / "not yet unpacked.zip")
    add_clips(root / "MAFW" / "faces", ("0001", "0002"))
    for path in (root / "not yet unpacked.zip").rglob("000?"):
        path.rmdir()
    with pytest.raises(UserError, match="FERV39k was not found: there are no clips"):
        load(root)


def test_another_fold_is_an_error(root: Path) -> None:
    with pytest.raises(UserError, match="fold is 2; FERV39k has one official split, so set fold=1"):
        read_ferv39k(root, 2)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Crime/Happy/0009 Happy", "clip Crime/Happy/0009 is not among the 28 clips in"),
        ("Crime/Happy/0002 Sad", 'has the label "Sad", which is sadness, but lies in the folder Happy'),
        ("Crime/Happy/0002,0", 'has the label "0", which is anger, but lies in the folder Happy'),
        ("Crime/Happy/0002,7", 'label is "7"; it must be a whole number from 0 to 6'),
        ("Crime/Happy/0002 Bored", 'label is "Bored"; it must be one of Angry, Disgust'),
        ("Crime/Happy/0002 Contempt", 'label is "Contempt"; it must be one of Angry, Disgust'),
        ("Crime/Happy/0002", "is not a clip and its label; a line must read like `Crime/Angry/0063 Angry`"),
        ("0002 Happy", "is not a clip and its label"),
        ("Crime/Bored/0002 Happy", "is not a clip and its label"),
        ("War/Fear/0002 Fear", "clip War/Fear/0002 was already listed on line 14"),
    ],
)
def test_a_wrong_line_is_named_with_its_file_and_line(line: str, message: str, root: Path) -> None:
    path = root / LISTS / "test_All.csv"
    path.write_text(path.read_text() + "\n" + line + "\n")
    with pytest.raises(UserError) as caught:
        load(root)
    assert str(caught.value).startswith(f"{path}, line 16: ")
    assert message in str(caught.value)


def test_missing_data_is_told_with_the_layout_and_where_to_get_it(root: Path, tmp_path: Path) -> None:
    (root / LISTS / "test_All.csv").unlink()
    for given, what in (
        (None, "dataset.root is not set"),
        (root, "there is only"),
        (tmp_path / "x", "is not a folder"),
    ):
        with pytest.raises(UserError, match="FERV39k was not found: ") as caught:
            load(given)
        for part in (
            what,
            "2_ClipsforFaceCrop",
            "train_All.csv",
            "github.com/wangyanckxx/FERV39k",
            "dataset.root=/path",
        ):
            assert part in str(caught.value)


def test_an_empty_list_is_an_error(root: Path) -> None:
    (root / LISTS / "test_All.csv").write_text("path,id\n")
    with pytest.raises(UserError, match=r"the test split has no clips"):
        load(root)
    (root / LISTS / "test_All.csv").write_text("\n")
    with pytest.raises(UserError, match=r"test_All.csv is empty; its lines must read like"):
        load(root)
