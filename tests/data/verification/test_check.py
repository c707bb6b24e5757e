from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from tests.data.verification.copies import Copy, dfew_copy, failed, make_facts, small_copy

from micacl.data.datasets.listing import Entry
from micacl.data.datasets.text_file import Place
from micacl.data.verification.check import check
from micacl.data.verification.published import published
from micacl.data.verification.report import Finding, Report


def run(copy: Copy) -> Report:
    return check(copy.dataset, copy.listing, copy.located, copy.facts)


def wrong(report: Report) -> dict[str, Finding]:
    return {finding.check: finding for finding in report.findings if not finding.is_ok}


def only_wrong(copy: Copy) -> Finding:
    """The one finding that is not well; every row of advice says what to do."""
    found = wrong(run(copy))
    assert len(found) == 1, found
    return next(iter(found.values()))


def names(finding: Finding) -> list[str]:
    return [problem.clip for problem in finding.problems]


@pytest.fixture(scope="module")
def dfew() -> Copy:
    return dfew_copy()


def test_published_parts_add_up() -> None:
    """The numbers agree with each other: what a fold does not test it trains, and each clip is tested once."""
    for dataset, num_clips, num_folds in (("dfew", 11697, 5), ("ferv39k", 38935, 1), ("mafw", 9172, 5)):
        known = published(dataset)
        assert known is not None
        assert known.num_clips == num_clips
        assert {fold for fold, _ in known.parts} == set(range(1, num_folds + 1))
        for fold in range(1, num_folds + 1):
            assert known.parts[fold, "train"].total + known.parts[fold, "test"].total == num_clips
        if num_folds > 1:
            assert sum(known.parts[fold, "test"].total for fold in range(1, num_folds + 1)) == num_clips
        assert known.parts[1, "train"].per_class is not None
    assert published("folder") is None


def test_a_good_copy_passes(dfew: Copy) -> None:
    for copy in (dfew, small_copy()):
        report = run(copy)
        assert report.passed
        assert report.problems == ()
    assert not wrong(run(dfew))


def test_clips_are_counted_by_class_fold_and_part() -> None:
    copy = small_copy()
    report = run(copy)
    for row in report.counts:
        fold = copy.listing.folds[row.fold - 1]
        labels = Counter(entry.label for entry in (fold.train if row.part == "train" else fold.test))
        assert list(row.counts) == [labels[label] for label in range(3)]
    assert [(row.fold, row.part) for row in report.counts] == [
        (f, part) for f in (1, 2, 3) for part in ("train", "test")
    ]


def test_a_list_that_lacks_clips_or_has_other_labels_is_found(dfew: Copy) -> None:
    fold = dfew.listing.folds[0]
    short = wrong(run(dfew.with_fold(1, train=fold.train[1:])))
    assert short["lists as published"].found == "9 of 10; not fold 1 train"
    moved = tuple(replace(entry, label=1) if entry.name == fold.train[0].name else entry for entry in fold.train)
    report = run(dfew.with_fold(1, train=moved))
    assert set(wrong(report)) == {"lists as published", "clips with several labels"}
    assert names(wrong(report)["clips with several labels"]) == [fold.train[0].name]
    (row,) = (row for row in report.counts if not row.is_ok)
    assert [label for label in range(7) if not row.class_is_ok(label)] == [0, 1]
    assert row.total_is_ok


@pytest.mark.parametrize(("count", "is_ok"), [(719, True), (718, False)])
def test_other_folds_may_differ_by_two_from_the_first(count: int, is_ok: bool, dfew: Copy) -> None:
    fold = dfew.listing.folds[4]
    fear = [entry.name for entry in fold.train if entry.label == 6]
    moved = set(fear[: len(fear) - count])
    train = tuple(replace(entry, label=5) if entry.name in moved else entry for entry in fold.train)
    (row,) = (row for row in run(dfew.with_fold(5, train=train)).counts if (row.fold, row.part) == (5, "train"))
    assert row.counts[6] == count
    assert row.class_is_ok(6) == is_ok


def test_a_clip_that_no_fold_tests_is_found(dfew: Copy) -> None:
    fold = dfew.listing.folds[2]
    found = wrong(run(dfew.with_fold(3, test=fold.test[1:])))["clips tested in exactly one fold"]
    assert names(found) == [fold.test[0].name]
    assert found.found == "11696 of 11697"


def test_missing_clips_are_listed_with_where_they_are_listed() -> None:
    copy = replace(small_copy(), missing={"clip03": "list.csv, line 5: not there", "clip20": "list.csv, line 22: no"})
    finding = only_wrong(copy)
    assert finding.check == "clips missing on disk"
    assert finding.found == "2: clip03, clip20"
    assert [problem.detail for problem in finding.problems] == list(copy.missing.values())


def test_unreadable_clips_are_listed_with_their_reason() -> None:
    copy = small_copy().with_facts([failed(f"clip{i:02d}", f"reason {i}") for i in (3, 4, 5, 20)])
    del copy.facts["clip23"]
    finding = only_wrong(copy)
    assert finding.check == "clips that cannot be decoded"
    assert finding.found == "5: clip03, clip04, clip05, ..."
    details = [f"reason {i}" for i in (3, 4, 5, 20)]
    assert [problem.detail for problem in finding.problems] == [*details, "it was not decoded"]


def test_failed_clips_have_no_content_to_be_alike() -> None:
    assert "clips with the content of another" not in wrong(
        run(small_copy().with_facts([failed("clip03"), failed("clip04")]))
    )


def test_short_clips_are_counted_beside_the_published(dfew: Copy) -> None:
    finding = only_wrong(dfew.with_facts([make_facts("05000", 15)]))
    assert (finding.check, finding.found, finding.expected) == ("clips shorter than 16 frames", "15", "14")
    assert "05000" in names(finding)
    assert run(small_copy(num_frames=15)).passed


def test_a_clip_in_train_and_test_is_found_by_name() -> None:
    copy = small_copy()
    fold = copy.listing.folds[1]
    finding = wrong(run(copy.with_fold(2, train=(*fold.train, fold.test[0]))))["clips in train and test, by name"]
    assert names(finding) == [fold.test[0].name]
    assert "fold 2: list.csv, line 10 and list.csv, line 10" in finding.problems[0].detail


def test_a_clip_in_train_and_test_is_found_by_content() -> None:
    copy = small_copy()
    found = wrong(run(copy.with_facts([make_facts("clip09", 30, content="content of clip00")])))
    assert set(found) == {"clips in train and test, by content", "clips with the content of another"}
    details = {problem.detail for problem in found["clips in train and test, by content"].problems}
    # Of two clips, in different folds, each is tested in one while the other is trained.
    assert details == {"fold 1: like clip09", "fold 2: like clip00"}
    assert [(p.clip, p.detail) for p in found["clips with the content of another"].problems] == [
        ("clip09", "like clip00")
    ]


def test_duplicates_within_a_part_are_no_leak() -> None:
    copy = small_copy()
    assert names(only_wrong(copy.with_facts([make_facts("clip01", 30, content="content of clip00")]))) == ["clip01"]


def test_a_subject_in_train_and_test_is_found() -> None:
    copy = small_copy()
    fold = copy.listing.folds[0]
    shared = tuple(replace(entry, subject="s23") if entry.name == "clip00" else entry for entry in fold.test)
    finding = only_wrong(copy.with_fold(1, test=shared))
    assert finding.check == "clips of subjects in train and test"
    assert finding.problems[0].detail == "fold 1: subject s23"


@pytest.mark.parametrize("size", [112, 256])
def test_another_frame_size_is_named_as_another_preparation(size: int, dfew: Copy) -> None:
    finding = only_wrong(dfew.with_facts([replace(clip, height=size) for clip in dfew.facts.values()]))
    assert finding.found == f"{size}x224"
    assert "another preparation" in finding.advice
    some = only_wrong(dfew.with_facts([make_facts("00100", size=size), make_facts("00200", size=size)]))
    assert some.found == f"224x224 (11695), {size}x{size} (2)"
    assert names(some) == ["00100", "00200"]


def test_frames_of_any_size_are_well_where_none_is_published() -> None:
    copy = small_copy()
    report = run(copy.with_facts([make_facts(f"clip{i:02d}", 30, size=100 + i) for i in range(8)]))
    assert report.passed
    (sizes,) = (finding.found for finding in report.findings if finding.check == "frame size (clips)")
    assert sizes == "224x224 (16), 100x100 (1), 101x101 (1), ..."


def test_a_time_interpolated_copy_is_named(dfew: Copy) -> None:
    copy = dfew.with_facts([make_facts(name, 16) for name in dfew.facts])
    found = wrong(run(copy))["frames in a clip: min, median, max"]
    assert "time-interpolated 16-frame copy" in found.found
    assert "another preparation" in found.advice
    mafw = wrong(run(replace(small_copy(16), dataset="mafw")))["frames in a clip: min, median, max"]
    assert "time-interpolated 16-frame copy" in mafw.found
    assert run(small_copy(16)).passed


@pytest.mark.parametrize(("change", "is_wrong"), [(2.0, True), (0.5, True), (1.2, True), (1.05, False)])
def test_another_frame_rate_is_named_as_another_preparation(change: float, is_wrong: bool, dfew: Copy) -> None:
    copy = dfew.with_facts([make_facts(clip.name, round(clip.num_frames * change)) for clip in dfew.facts.values()])
    found = wrong(run(copy)).get("frames in a clip: min, median, max")
    assert (found is not None) == is_wrong
    if found is not None:
        assert found.expected == "11, 70, 847"
        assert "another preparation" in found.advice


@pytest.mark.parametrize(("published_frames", "num_frames"), [(847, 700), (847, 1000), (11, 8)])
def test_a_shortest_or_longest_clip_of_another_length_is_found(
    published_frames: int, num_frames: int, dfew: Copy
) -> None:
    (name,) = (name for name, clip in dfew.facts.items() if clip.num_frames == published_frames)
    assert only_wrong(dfew.with_facts([make_facts(name, num_frames)])).check == "frames in a clip: min, median, max"


def test_frames_that_differ_from_the_list_are_found() -> None:
    copy = small_copy()
    fold = copy.listing.folds[0]
    test = tuple(
        Entry(entry.name, entry.label, Place(Path("list"), 1), num_frames=31 if i == 2 else 30)
        for i, entry in enumerate(fold.test)
    )
    finding = wrong(run(copy.with_fold(1, test=test)))["clips with other frames than listed"]
    assert names(finding) == ["clip02"]
    assert finding.problems[0].detail == "30 frames, listed as 31"
    # A clip that two lists give two wrong numbers is one clip with two problems.
    trained = copy.listing.folds[1].train
    train = tuple(replace(entry, num_frames=32 if entry.name == "clip02" else None) for entry in trained)
    finding = wrong(run(copy.with_fold(1, test=test).with_fold(2, train=train)))["clips with other frames than listed"]
    assert finding.found == "1: clip02"
    assert [problem.detail for problem in finding.problems] == ["30 frames, listed as 31", "30 frames, listed as 32"]


def test_the_order_of_decoding_does_not_matter(dfew: Copy) -> None:
    copy = dfew.with_facts([make_facts("00007", content="x"), make_facts("00003", content="x"), failed("00009")])
    turned = replace(copy, facts=dict(reversed(copy.facts.items())))
    assert run(turned).findings == run(copy).findings


def test_nothing_decoded_is_no_crash() -> None:
    copy = small_copy()
    report = run(replace(copy, facts={}))
    assert len(wrong(report)["clips that cannot be decoded"].problems) == 24
