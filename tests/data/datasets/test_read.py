from pathlib import Path

import pytest
from tests.data.datasets.trees import (
    TEST,
    TRAIN,
    add_clips,
    add_dfew_lists,
    ferv39k_clips,
    mafw_lines,
    numbered,
    write_text,
)

from micacl.data.datasets.listing import load_split, locate
from micacl.data.datasets.read import read_listing
from micacl.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """DFEW, FERV39k, MAFW and a folder side by side."""
    add_clips(tmp_path / "DFEW" / "Clip" / "clip_224x224", numbered((*TRAIN, *TEST)))
    add_dfew_lists(tmp_path / "DFEW", "train_set_{}.csv", "test_set_{}.csv")
    add_clips(tmp_path / "FERV39k" / "2_ClipsforFaceCrop", (path for path, _ in ferv39k_clips()))
    for part, offset in (("train", 0), ("test", 1)):
        lines = [f"{path} {shown}" for path, shown in ferv39k_clips()[offset::2]]
        write_text(tmp_path / "FERV39k" / f"{part}_All.csv", lines)
        write_text(
            tmp_path / f"{part}.txt", [f"/x/{path} 5 {i % 2}" for i, (path, _) in enumerate(ferv39k_clips())][offset::2]
        )
        for fold in range(1, 6):
            write_text(
                tmp_path / "MAFW" / f"set_{fold}" / f"{part}.txt", mafw_lines(range(1 + 11 * offset, 12 + 11 * offset))
            )
    add_clips(tmp_path / "MAFW" / "data" / "faces", numbered(range(1, 23)))
    add_clips(tmp_path / "mine", (f"{name}/{number}.mp4" for name in ("sad", "happy") for number in range(6)))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "folder", "num_folds", "num_classes", "num_clips"),
    [
        ("dfew", "DFEW", 5, 7, 21),
        ("ferv39k", "FERV39k", 1, 7, 28),
        ("mafw", "MAFW", 5, 11, 22),
        ("list", "FERV39k", 1, 2, 28),
        ("folder", "mine", 3, 2, 12),
    ],
)
def test_each_data_set_is_read(
    name: str, folder: str, num_folds: int, num_classes: int, num_clips: int, root: Path
) -> None:
    options = {"train_list": str(root / "train.txt"), "test_list": str(root / "test.txt"), "num_folds": 3}
    listing = read_listing(name, root / folder, class_names=("happy", "sad"), **options)  # type: ignore[arg-type]
    assert (len(listing.folds), len(listing.class_names)) == (num_folds, num_classes)
    located = locate(listing)
    assert (len(located.paths), located.missing) == (num_clips, {})
    assert all(path.exists() for path in located.paths.values())
    one = read_listing(name, root / folder, 1, class_names=("happy", "sad"), **options)  # type: ignore[arg-type]
    if name in ("dfew", "ferv39k", "mafw", "folder"):
        assert [clip.name for clip in load_split(one, 1).test] == [entry.name for entry in listing.folds[0].test]


def test_locate_goes_on_where_clips_are_missing(root: Path) -> None:
    for number in (2, 20):
        (root / "DFEW" / "Clip" / "clip_224x224" / f"{number:05d}").rmdir()
    located = locate(read_listing("dfew", root / "DFEW"))
    assert list(located.missing) == ["00002", "00020"]
    assert (
        f"{root / 'DFEW' / 'train_set_1.csv'}, line 3: clip 00002 is not among the 19 clips" in located.missing["00002"]
    )
    assert len(located.paths) == 19


def test_another_name_is_an_error() -> None:
    with pytest.raises(UserError, match="there is no data set 'afew'; choose dfew, ferv39k, mafw, list or folder"):
        read_listing("afew", None)
