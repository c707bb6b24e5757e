import hashlib
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.verification.copies import Copy, failed, make_facts, make_listing, small_copy

from micacl.data.datasets.listing import Fold, load_split
from micacl.data.verification.check import check
from micacl.data.verification.manifest import (
    ManifestRow,
    make_manifest,
    manifest_hash,
    read_manifest,
    write_manifest,
)
from micacl.data.verification.record import DataState, data_state, write_verification
from micacl.errors import UserError

FOLDS = st.sets(st.integers(1, 12)).map(lambda numbers: tuple(sorted(numbers)))
ROWS = st.lists(
    st.builds(ManifestRow, st.text(min_size=1), st.text(min_size=1), FOLDS, FOLDS, st.integers(0, 9999), st.text()),
    max_size=8,
    unique_by=lambda row: row.clip,
).map(lambda rows: tuple(sorted(rows)))


def manifest(copy: Copy) -> tuple[ManifestRow, ...]:
    return make_manifest(copy.listing, copy.facts)


@settings(deadline=None)
@given(ROWS)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: tuple[ManifestRow, ...]) -> None:
    path = tmp_path_factory.mktemp("manifest") / "manifest.csv"
    write_manifest(path, rows)
    assert read_manifest(path) == rows
    # What `sha256sum` says of the file.
    assert manifest_hash(rows) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_file_is_as_documented(tmp_path: Path) -> None:
    copy = small_copy().with_facts([failed("clip01")])
    write_manifest(tmp_path / "manifest.csv", manifest(copy))
    lines = (tmp_path / "manifest.csv").read_text().split("\n")
    assert lines[0] == '"clip","class","train_folds","test_folds","frames","content_sha256"'
    assert lines[1] == '"clip00","happiness","2 3","1","30","content of clip00"'
    assert lines[2] == '"clip01","sadness","2 3","1","0",""'
    assert len(lines) == 24 + 2


def test_the_hash_does_not_depend_on_order_or_place(tmp_path: Path) -> None:
    copy = small_copy()
    expected = manifest_hash(manifest(copy))
    for seed in range(5):
        shuffle = random.Random(seed)
        folds = [
            Fold(f.number, *(tuple(shuffle.sample(part, len(part))) for _, part in f.parts()))
            for f in copy.listing.folds
        ]
        moved = [
            replace(fold, train=tuple(replace(e, place=replace(e.place, path=tmp_path)) for e in fold.train))
            for fold in shuffle.sample(folds, len(folds))
        ]
        facts = dict(shuffle.sample(list(copy.facts.items()), len(copy.facts)))
        other = replace(copy, listing=make_listing(copy.listing.class_names, moved), facts=facts)
        assert manifest_hash(manifest(other)) == expected


def test_the_hash_depends_on_everything_else() -> None:
    copy = small_copy()
    fold = copy.listing.folds[0]
    others = [
        copy.with_facts([make_facts("clip03", 31)]),
        copy.with_facts([make_facts("clip03", 30, content="other")]),
        copy.with_facts([failed("clip03")]),
        copy.with_fold(1, train=fold.train[1:]),
        copy.with_fold(1, train=fold.train[1:], test=(*fold.test, fold.train[0])),
        replace(copy, listing=replace(copy.listing, class_names=("happiness", "sadness", "anger"))),
    ]
    hashes = {manifest_hash(manifest(other)) for other in (copy, *others)}
    assert len(hashes) == 1 + len(others)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: this is not a manifest; it must begin with clip,class"),
        ("clip,label\n", "line 1: this is not a manifest"),
        (
            "clip,class,train_folds,test_folds,frames,content_sha256\na,b,1,2,3\n",
            "line 2: there are 5 values; there must be",
        ),
        ("clip,class,train_folds,test_folds,frames,content_sha256\na,b,x,2,3,4\n", 'line 2: a fold is "x"'),
        ("clip,class,train_folds,test_folds,frames,content_sha256\na,b,1,2,-3,4\n", 'line 2: frames is "-3"'),
    ],
)
def test_another_file_is_no_manifest(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_manifest(path)
    with pytest.raises(UserError, match=r"nowhere.csv cannot be read"):
        read_manifest(tmp_path / "nowhere.csv")


def verify(copy: Copy, folder: Path) -> str:
    write_verification(folder, check(copy.dataset, copy.listing, copy.located, copy.facts), manifest(copy))
    return manifest_hash(manifest(copy))


def state(copy: Copy, folder: Path, fold: int = 2) -> DataState:
    return data_state(folder, load_split(copy.listing, fold), fold)


def test_a_run_on_checked_data_says_so_with_the_hash(tmp_path: Path) -> None:
    copy = small_copy()
    assert state(copy, tmp_path) == DataState(False, None, "the data was not checked; run micacl.prepare")
    digest = verify(copy, tmp_path)
    for fold in (1, 2, 3):
        assert state(copy, tmp_path, fold) == DataState(True, digest, "")


def test_a_run_on_data_with_problems_says_which(tmp_path: Path) -> None:
    copy = small_copy().with_facts([failed("clip03")])
    digest = verify(copy, tmp_path)
    reason = "the check found: clips that cannot be decoded: 1: clip03"
    assert state(copy, tmp_path) == DataState(False, digest, reason)
    assert (tmp_path / "problems.csv").read_text() == "clip,problem,detail\nclip03,cannot be decoded,it is damaged\n"


def test_a_run_on_other_clips_than_were_checked_is_not_verified(tmp_path: Path) -> None:
    copy = small_copy()
    verify(copy, tmp_path)
    fold = copy.listing.folds[1]
    relabeled = tuple(replace(entry, label=(entry.label + 1) % 3) for entry in fold.test)
    for other, part in (
        (copy.with_fold(2, train=fold.train[1:]), "train"),
        (copy.with_fold(2, train=fold.train[1:], test=(*fold.test, fold.train[0])), "train"),
        (copy.with_fold(2, test=fold.test[1:]), "test"),
        (copy.with_fold(2, test=relabeled), "test"),
    ):
        expected = f"the {part} clips of fold 2 are not those that were checked"
        assert state(other, tmp_path) == DataState(False, None, expected)


@pytest.mark.parametrize("name", ["manifest.csv", "verification.json"])
@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"manifest": "", "wrong": []}', b"clip,class\n"])
def test_damaged_files_do_not_vouch_for_anything(name: str, content: bytes, tmp_path: Path) -> None:
    copy = small_copy()
    verify(copy, tmp_path)
    (tmp_path / name).write_bytes(content)
    damaged = state(copy, tmp_path)
    assert not damaged.verified
    assert "damaged; run micacl.prepare again" in damaged.reason
