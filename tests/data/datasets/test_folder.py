import os
from collections import Counter
from pathlib import Path

import pytest
from tests.data.datasets.trees import add_clips, refuse_to_list, write_text

from micacl.data.datasets.folder import read_folder
from micacl.data.datasets.listing import Listing, load_split
from micacl.errors import UserError


def read(root: Path | None, num_folds: int = 2, subject_pattern: str | None = None) -> Listing:
    return read_folder(root, num_folds, subject_pattern)


def labels(listing: Listing) -> dict[str, str]:
    return {entry.name: listing.class_names[entry.label] for entry in listing.entries()}


def folds_of(listing: Listing) -> dict[str, int]:
    return {entry.name: fold.number for fold in listing.folds for entry in fold.test}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three classes, videos and folders of frames, two clips of each of four subjects in each class."""
    root = tmp_path / "my clips"
    for name, suffix in (("Sad", ".mp4"), ("Happy", ""), ("Langeweile", ".AVI")):
        add_clips(root / name, (f"S{subject:02d} é_{take}{suffix}" for subject in range(4) for take in (1, 2)))
    (root / "Happy" / "notes.txt").touch()
    (root / ".cache").mkdir()
    return root


def test_classes_are_read_in_our_order_and_spelling(root: Path) -> None:
    listing = read(root)
    assert listing.class_names == ("happiness", "sadness", "Langeweile")
    shown = labels(listing)
    assert len(shown) == 24
    assert {(name.partition("/")[0], shown[name]) for name in shown} == {
        ("Happy", "happiness"), ("Sad", "sadness"), ("Langeweile", "Langeweile")
    }  # fmt: skip
    split = load_split(listing, 1)
    for clip in (*split.train, *split.test):
        assert clip.path.exists()
        assert clip.path.relative_to(root).with_suffix("").as_posix() == clip.name
        assert clip.subject is None


def test_a_link_to_the_clips_is_as_good(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert labels(read(tmp_path / "link")) == labels(read(root))


@pytest.mark.parametrize("pattern", [r"/(S\d+)", r"S\d+", r"[^/]+(?=_\d)"])
def test_a_subject_is_in_one_fold(pattern: str, root: Path) -> None:
    listing = read(root, 3, pattern)
    folds: dict[str, set[int]] = {}
    for name, fold in folds_of(listing).items():
        folds.setdefault(name.split("/")[1][:3], set()).add(fold)
    assert set(folds) == {"S00", "S01", "S02", "S03"}
    assert all(len(found) == 1 for found in folds.values())
    assert len(listing.folds) == 3


def test_a_pattern_that_is_none_or_finds_nothing_is_an_error(root: Path) -> None:
    with pytest.raises(UserError, match=r"dataset.subject_pattern=\(S is not a regular expression: .*"):
        read(root, 2, "(S")
    for pattern in ("S0[0-2]", "x", "", "S(x)?"):
        with pytest.raises(UserError, match=r"S\d\d é_1.*: dataset.subject_pattern is .*, which finds no subject in"):
            read(root, 2, pattern)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("Bored", "bored"), "the folders Bored and bored in .* are the same class; put their clips into one"),
        (("happiness", "Langweilig"), "the folders Happy and happiness in .* are the same class"),
        (("empty", "zzz"), "the class folder .*empty has no clips; put videos"),
    ],
)
def test_classes_that_cannot_be_told_apart_or_are_empty_are_errors(
    names: tuple[str, str], message: str, root: Path
) -> None:
    for name in names:
        (root / name).mkdir()
    with pytest.raises(UserError, match=message):
        read(root)


def test_a_clip_that_is_there_twice_is_an_error(root: Path) -> None:
    add_clips(root / "Sad", ("S00 é_1",))
    with pytest.raises(
        UserError, match=r"S00 é_1.mp4: clip Sad/S00 é_1 is there twice, the other time at .*S00 é_1; keep"
    ):
        read(root)


def test_a_link_that_leads_back_is_an_error(root: Path) -> None:
    (root / "zz").symlink_to(root.parent)
    with pytest.raises(UserError, match=r"zz is a link that leads back to .*my clips; remove it"):
        read(root)
    (root / "zz").unlink()
    (root / "zz").symlink_to("zz")
    assert len(labels(read(root))) == 24


def test_a_folder_that_cannot_be_read_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_list(root / "Sad", monkeypatch)
    with pytest.raises(UserError, match=r"my clips/Sad cannot be listed: Permission denied; make it readable"):
        read(root)


def test_a_name_that_is_no_text_is_an_error(root: Path) -> None:
    (root / "Sad" / os.fsdecode(b"\xff.mp4")).touch()
    with pytest.raises(UserError, match=r"Sad/\\udcff.mp4: the name is not UTF-8; rename it"):
        read(root)


def test_a_root_that_is_no_such_folder_is_told_with_the_layout(root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "one" / "only").mkdir(parents=True)
    add_clips(tmp_path / "one" / "only", ("1.mp4", "2.mp4", "3.mp4"))
    text = write_text(tmp_path / "clips.txt", ["path,label"])
    for given, message in (
        (None, "dataset.root is not set"),
        (tmp_path / "no", "no is not a folder"),
        (tmp_path / "empty", "empty has no folders"),
        (root / "Sad", "Sad has no folders"),
        (text, "clips.txt is a file, but not a CSV file"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            read(given)
        assert "happiness/01.mp4" in str(caught.value)
    with pytest.raises(UserError, match=r"one has only one class, only; there must be two or more"):
        read(tmp_path / "one")


ROWS = [f"clip{i}.mp4,{('Happy', 'sad')[i % 2]},s{i // 2}" for i in range(8)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A CSV file with eight clips of four subjects, in a folder of its own."""
    add_clips(tmp_path / "data", [f"clip{i}.mp4" for i in range(8)])
    return write_text(tmp_path / "data" / "clips.csv", ["path,label,subject", *ROWS])


@pytest.mark.parametrize("which", ["the file", "its folder"])
def test_a_table_is_read(which: str, table: Path) -> None:
    listing = read(table if which == "the file" else table.parent)
    assert labels(listing) == {f"clip{i}": ("happiness", "sadness")[i % 2] for i in range(8)}
    split = load_split(listing, 1)
    assert {clip.name: clip.subject for clip in (*split.train, *split.test)} == {
        f"clip{i}": f"s{i // 2}" for i in range(8)
    }
    assert not {clip.subject for clip in split.train} & {clip.subject for clip in split.test}
    assert all(clip.path == table.parent / f"{clip.name}.mp4" for clip in split.train)


def test_spreadsheet_leavings_other_systems_and_absolute_paths_are_read(table: Path) -> None:
    (table.parent / "sub dir").mkdir()
    (table.parent / "clip0.mp4").rename(table.parent / "sub dir" / "e\u0301 0.mp4")
    # Composed on the disk and decomposed in the table, and the other way round.
    (table.parent / "clip2.mp4").rename(table.parent / "\u00fc 2.mp4")
    rows = [row.replace("clip2", "u\u0308 2") for row in ROWS]
    rows = [row.replace("clip0", "sub dir\\\u00e9 0").replace("clip1", f"{table.parent}/clip1") for row in rows]
    text = "\r\n".join(["notes,path,label", "", *(f",{row}" for row in rows)])
    table.write_bytes(b"\xef\xbb\xbf" + text.encode())
    split = load_split(read(table), 1)
    assert {clip.path.name for clip in (*split.train, *split.test)} == {
        "e\u0301 0.mp4", "\u00fc 2.mp4", *(f"clip{i}.mp4" for i in (1, 3, 4, 5, 6, 7))
    }  # fmt: skip


def test_each_folder_is_listed_once(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[Path] = []
    listdir = os.listdir

    def record(path: Path) -> list[str]:
        listed.append(path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", record)
    load_split(read(table), 1)
    assert listed == [table.parent]


def test_given_folds_are_kept(table: Path) -> None:
    write_text(table, ["path,label,fold", *(f"clip{i}.mp4,{'ab'[i % 2]},{(7, 1, 3, 3)[i // 2]}" for i in range(8))])
    listing = read(table, num_folds=99)
    assert [fold.number for fold in listing.folds] == [1, 3, 7]
    assert folds_of(listing) == {f"clip{i}": (7, 1, 3, 3)[i // 2] for i in range(8)}
    for fold in listing.folds:
        assert sorted(entry.name for entry in (*fold.train, *fold.test)) == [f"clip{i}" for i in range(8)]
    with pytest.raises(UserError, match="fold is 2; this data set has the folds 1, 3, 7"):
        load_split(listing, 2)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("clip1.mp4,,s1,1", "line 3: there is no value for label"),
        (",Happy,s1,1", "line 3: there is no value for path"),
        ("clip1.mp4,Happy,s1,", "line 3: there is no value for fold; give every clip a fold, or none"),
        ("clip1.mp4,Happy,s1,0", 'line 3: fold is "0"; it must be a whole number of at least 1'),
        ("clip1.mp4,Happy,s1,two", 'line 3: fold is "two"'),
        ("./clip0.mp4,Happy,s1,2", "line 3: clip clip0 is there twice, the other time at .*line 2"),
        ("clip9.mp4,Happy,s1,2", "line 3: there is no .*clip9.mp4; correct the path"),
        ("clip1.mp4,BORED,s1,2", "line [34]: the labels BORED and bored differ only in capitals"),
        ("clip1.mp4,bored,s1,2", "line [34]: the labels BORED and bored differ only in capitals"),
    ],
)
def test_a_wrong_row_is_named_with_its_file_and_line(row: str, message: str, table: Path) -> None:
    other = "bored" if "BORED" in row else "BORED" if "bored" in row else "sad"
    write_text(table, ["path,label,subject,fold", "clip0.mp4,Happy,s0,1", row, f"clip2.mp4,{other},s2,2"])
    with pytest.raises(UserError, match=message):
        load_split(read(table), 1)


def test_a_wrong_table_is_an_error(table: Path) -> None:
    write_text(table, ["path,class", "a,b"])
    with pytest.raises(UserError, match=r"clips.csv, line 1: the header is .path,class. and lacks label"):
        read(table)
    write_text(table, ["path,label"])
    with pytest.raises(UserError, match=r"clips.csv lists no clips"):
        read(table)
    write_text(table.parent / "more.csv", ["path,label"])
    with pytest.raises(UserError, match=r"holds several CSV files: clips.csv, more.csv; set dataset.root to the one"):
        read(table.parent)


def test_numbers_are_classes_too(table: Path) -> None:
    write_text(table, ["path,label", *(f"clip{i}.mp4,{(10, 9)[i % 2]}" for i in range(8))])
    listing = read(table)
    assert listing.class_names == ("9", "10")
    assert Counter(labels(listing).values()) == {"9": 4, "10": 4}
