import random
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.datasets.trees import add_clips, ferv39k_clips, write_text

from micacl.data.datasets.listing import Listing, load_split
from micacl.data.datasets.lists import read_lists
from micacl.data.datasets.names import clip_names, path_parts
from micacl.data.expressions import CLASS_NAMES
from micacl.data.split import Split
from micacl.errors import UserError

TWO = ("happiness", "sadness")


def read(root: Path | None, class_names: tuple[str, ...] = TWO, fold: int | None = None) -> Listing:
    assert root is not None
    return read_lists(root, str(root.parent / "train.txt"), str(root.parent / "test.txt"), class_names, fold)


def load(root: Path, class_names: tuple[str, ...] = TWO) -> Split:
    return load_split(read(root, class_names), 1)


def write_lists(root: Path, train: list[str], test: list[str]) -> None:
    write_text(root.parent / "train.txt", train)
    write_text(root.parent / "test.txt", test)


@pytest.mark.parametrize("prefix", ["/home/author/DFEW/clip_224x224/", "/a b/é/", "D:\\my data\\faces\\", "", "./x/"])
def test_clips_are_found_whatever_root_the_author_had(prefix: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    add_clips(root / "DFEW" / "Clip" / "clip_224x224", ("00001", "00002", "00003", "00004"))
    write_lists(
        root, [f"{prefix}00001 16 0\r", f"{prefix}00002\t9\t1"], [f"{prefix}00004 70 1", "", f"{prefix}00003 1 0"]
    )
    split = load(root)
    assert [(clip.name, clip.path.name, clip.label) for clip in (*split.train, *split.test)] == [
        (name, name, label) for name, label in (("00001", 0), ("00002", 1), ("00004", 1), ("00003", 0))
    ]
    assert [entry.num_frames for entry in read(root).folds[0].test] == [70, 1]


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_line(tmp_path: Path) -> None:
    root = tmp_path / "root"
    add_clips(root, ("1", "2", "3"))
    for name, lines in (("train.txt", "/x/1 5 0\r\n/x/2 5 1"), ("test.txt", "/x/3 5 1")):
        (tmp_path / name).write_bytes(f"\ufeff{lines}\r\n\r\n".encode())
    split = load(root)
    assert [(clip.name, clip.label) for clip in (*split.train, *split.test)] == [("1", 0), ("2", 1), ("3", 1)]


def test_names_with_spaces_and_other_letters_are_found(tmp_path: Path) -> None:
    root = tmp_path / "ro ot"
    add_clips(root / "Ärger und Wut", ("klip 1", "e\u0301t\u00e9.MP4", "笑 2"))
    write_lists(root, ["/x/Ärger und Wut/klip 1 5 0", "/x/Ärger und Wut/笑 2 5 1"], ["/x/Ärger und Wut/été.MP4 5 0"])
    assert [clip.path.name for clip in load(root).test] == ["e\u0301t\u00e9.MP4"]


def test_the_longest_tail_decides(tmp_path: Path) -> None:
    root = tmp_path / "root"
    clips = [path for path, _ in ferv39k_clips()]
    add_clips(root / "FERV39k" / "2_ClipsforFaceCrop", clips)
    add_clips(root / "other" / "Crime", ("Happy/0001", "Happy/0002.mp4"))
    lines = [f"/data/FERV39k/2_ClipsforFaceCrop/{path} 20 {i % 2}" for i, path in enumerate(clips)]
    write_lists(root, lines[2:], lines[:2])
    split = load(root)
    assert [clip.path for clip in split.test] == [root / "FERV39k" / "2_ClipsforFaceCrop" / path for path in clips[:2]]
    assert [clip.name for clip in split.train] == clips[2:]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_every_clip_of_a_random_tree_is_found_where_it_lies(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    generator = random.Random(seed)
    root = tmp_path_factory.mktemp("tree") / "root"
    # Few different names, so that folders are called like clips, and clips like clips elsewhere.
    paths = {tuple(generator.choices("abcd", k=generator.randint(1, 3))) for _ in range(12)}
    # No clip lies within another.
    clips = sorted(path for path in paths if not any(path[: len(other)] == other for other in paths - {path}))
    if len(clips) < 3:
        return
    add_clips(root, map("/".join, clips))
    author = generator.choice(["/x y/z/", "E:\\", ""])
    lines = [f"{author}{'/'.join(path)} 3 {i % 2}" for i, path in enumerate(clips)]
    write_lists(root, lines[:-1], lines[-1:])
    entries = list(read(root).entries())
    found: list[Path | None] = []
    for entry in entries:
        try:
            found.append(read(root).find(entry))
        except UserError:
            found.append(None)
    # A clip is found where it lies or, where its path is the tail of other places too, refused; never somewhere else.
    expected = [root.joinpath(*path) for path in clips]
    assert all(path in (None, place) for path, place in zip(found, expected, strict=True))
    folders = {path[:length] for path in clips for length in range(1, len(path) + 1)}
    alone = [sum(folder[-len(path) :] == path for folder in folders) == 1 for path in clips]
    assert all(path is not None for path, is_alone in zip(found, alone, strict=True) if is_alone)


def test_a_folder_and_a_video_of_one_name_are_told_apart_by_the_suffix(tmp_path: Path) -> None:
    root = tmp_path / "root"
    add_clips(root / "frames", ("1", "2", "3"))
    add_clips(root / "videos", ("1.mp4", "2.mp4", "3.mp4"))
    write_lists(root, ["/x/1 5 0", "/x/2.mp4 5 1"], ["/x/3 5 0"])
    split = load(root)
    assert [clip.path for clip in split.train] == [root / "frames" / "1", root / "videos" / "2.mp4"]


def test_an_ambiguous_clip_is_named_with_its_file_and_line(tmp_path: Path) -> None:
    root = tmp_path / "root"
    add_clips(root, ("a/1", "a/2", "a/3", "b/3"))
    write_lists(root, ["/x/1 5 0", "/x/2 5 1"], ["/x/3 5 0"])
    with pytest.raises(UserError) as caught:
        load(root)
    where = f"{tmp_path / 'test.txt'}, line 1: clip x/3 could be {root / 'a/3'} or {root / 'b/3'}; set dataset.root"
    assert str(caught.value).startswith(where)
    lists = (str(tmp_path / "train.txt"), str(tmp_path / "test.txt"))
    assert load_split(read_lists(root / "a", *lists, TWO), 1).test[0].path == root / "a" / "3"


@pytest.mark.parametrize("clip", ["/x/War/0009", "/x/War/0003"])
def test_an_absent_clip_is_named_and_none_is_taken_in_its_place(clip: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    add_clips(root, ("Crime/0001", "Crime/0002", "Crime/0003"))
    write_lists(root, ["/x/Crime/0001 5 0", "/x/Crime/0002 5 1", "/x/Crime/0003 5 1"], [f"{clip} 5 0"])
    with pytest.raises(UserError) as caught:
        load(root)
    assert str(caught.value).startswith(f"{tmp_path / 'test.txt'}, line 1: clip {clip[1:]} is not under {root}: ")


def test_folders_that_are_called_like_clips_are_opened(tmp_path: Path) -> None:
    root = tmp_path / "root"
    clips = [f"{subject:02d}/{number:02d}" for subject in (1, 2) for number in (1, 2)]
    add_clips(root, clips)
    write_lists(root, [f"/x/{clip} 5 {i % 2}" for i, clip in enumerate(clips[:3])], [f"/x/{clips[3]} 5 0"])
    split = load(root)
    assert [clip.path for clip in (*split.train, *split.test)] == [root / clip for clip in clips]


def test_labels_are_put_in_our_order(tmp_path: Path) -> None:
    root = tmp_path / "root"
    spelled = ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")
    expected = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    add_clips(root, [str(i) for i in range(8)])
    write_lists(root, [f"/x/{i} 5 {i}" for i in range(7)], ["/x/7 5 0"])
    split = load(root, spelled)
    assert split.class_names == CLASS_NAMES
    assert [split.class_names[clip.label] for clip in split.train] == list(expected)


def test_a_percent_d_stands_for_the_fold(tmp_path: Path) -> None:
    root = tmp_path / "root"
    add_clips(root, [str(i) for i in range(4)])
    for fold in (1, 2, 10):
        write_text(tmp_path / f"set_{fold}_train.txt", [f"/x/{i} 5 {i % 2}" for i in range(2 if fold == 2 else 3)])
        write_text(tmp_path / f"set_{fold}_test.txt", ["/x/3 5 1"])
    lists = (str(tmp_path / "set_%d_train.txt"), str(tmp_path / "set_%d_test.txt"))
    listing = read_lists(root, *lists, TWO)
    assert [fold.number for fold in listing.folds] == [1, 2, 10]
    assert [len(load_split(listing, fold).train) for fold in (1, 2, 10)] == [3, 2, 3]
    with pytest.raises(UserError, match="fold is 3; this data set has the folds 1, 2, 10"):
        load_split(listing, 3)
    with pytest.raises(UserError, match=r"only one of dataset.train_list and dataset.test_list has %d"):
        read_lists(root, lists[0], str(tmp_path / "set_1_test.txt"), TWO)
    with pytest.raises(UserError, match=r"there is no file like .*fold_%d.txt"):
        read_lists(root, str(tmp_path / "fold_%d.txt"), lists[1], TWO)
    (tmp_path / "set_2_test.txt").unlink()
    with pytest.raises(UserError, match=r"set_2_test.txt is not a file"):
        read_lists(root, *lists, TWO)


def test_lists_of_one_fold_are_not_taken_for_another(tmp_path: Path) -> None:
    write_lists(tmp_path / "root", ["/x/1 5 0"], ["/x/2 5 1"])
    (tmp_path / "root").mkdir()
    with pytest.raises(UserError, match="fold is 2, but the lists are of one fold; set fold=1, or write %d"):
        read(tmp_path / "root", fold=2)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "/x/1 5 2",
            'the label is "2"; it must be a whole number from 0 to 1, because dataset.class_names has 2 names',
        ),
        ("/x/1 5 -1", 'the label is "-1"'),
        ("/x/1 5 happy", 'the label is "happy"'),
        ("/x/1 five 1", 'the number of frames is "five"'),
        ("/x/1 0", "must be a path, a number of frames and a label, with spaces between them"),
        ("/x/1,5,0", "must be a path, a number of frames and a label, with spaces between them"),
        ("/ 5 0", "is not the path of a clip"),
        ("/x/2 5 0", "clip 2 was already listed on line 1"),
    ],
)
def test_a_wrong_line_is_named_with_its_file_and_line(line: str, message: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    add_clips(root, ("1", "2"))
    write_lists(root, ["/x/2 5 0", line], ["/x/1 5 1"])
    with pytest.raises(UserError) as caught:
        load(root)
    assert str(caught.value).startswith(f"{tmp_path / 'train.txt'}, line 2: ")
    assert message in str(caught.value)


def test_a_missing_option_is_named(tmp_path: Path) -> None:
    test = str(write_text(tmp_path / "test.txt", ["/x/1 5 0"]))
    for arguments, message in (
        ((None, test, test, TWO), "dataset.root is not set"),
        ((tmp_path / "no", test, test, TWO), "is not a folder"),
        ((tmp_path, None, test, TWO), "dataset.train_list is not set"),
        ((tmp_path, test, "", TWO), "dataset.test_list is not set"),
        ((tmp_path, test, str(tmp_path), TWO), "is not a file"),
        ((tmp_path, test, test, ()), r"dataset.class_names is \[\]; name what each label"),
        (
            (tmp_path, test, test, ("Happy", "sad", "joyful", "happiness")),
            "has Happy and happiness, which are the same",
        ),
    ):
        with pytest.raises(UserError, match=message):
            read_lists(*arguments)


def test_an_empty_list_is_an_error(tmp_path: Path) -> None:
    write_lists(tmp_path / "root", ["", " "], ["/x/1 5 0"])
    (tmp_path / "root").mkdir()
    with pytest.raises(UserError, match=r"train.txt is empty"):
        load(tmp_path / "root")


@settings(deadline=None)
@given(
    st.lists(st.lists(st.text("ab c", min_size=1).filter(str.strip), min_size=1, max_size=4), min_size=1, max_size=6),
    st.sampled_from(["/home/me/", "C:\\data\\", "rel/"]),
)
def test_names_do_not_depend_on_the_authors_root(paths: list[list[str]], author: str) -> None:
    ours = [path_parts("/".join(["clips", *path])) for path in paths]
    theirs = [path_parts(author + str(PureWindowsPath("clips", *path))) for path in paths]
    assert clip_names(theirs) == clip_names(ours)
    assert len(set(clip_names(ours))) == len(set(ours))
