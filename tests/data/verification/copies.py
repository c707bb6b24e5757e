"""Copies of data sets as lists, places and facts, without files; then damaged one way at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from micacl.data.cache.clip_info import ClipInfo
from micacl.data.datasets.listing import Entry, Fold, Listing, Located
from micacl.data.datasets.text_file import Place
from micacl.data.expressions import CLASS_NAMES

# Training and test clips of DFEW's fold 1, and of every class in all.
DFEW_TRAIN = (1956, 1515, 2135, 1738, 1175, 116, 721)
DFEW_TEST = (489, 379, 534, 435, 294, 29, 181)
DFEW_TESTED = (2341, 2341, 2340, 2339, 2336)


def make_facts(name: str, num_frames: int = 70, size: int = 224, content: str | None = None) -> ClipInfo:
    return ClipInfo(name, num_frames, size, size, content or f"content of {name}", "")


def failed(name: str, reason: str = "it is damaged") -> ClipInfo:
    return ClipInfo(name, 0, 0, 0, "", reason)


@dataclass
class Copy:
    """A copy of a data set."""

    dataset: str
    listing: Listing
    facts: dict[str, ClipInfo]
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def located(self) -> Located:
        names = dict.fromkeys(entry.name for entry in self.listing.entries())
        return Located({name: Path(name) for name in names if name not in self.missing}, self.missing)

    def with_fold(
        self, number: int, train: tuple[Entry, ...] | None = None, test: tuple[Entry, ...] | None = None
    ) -> "Copy":
        folds = tuple(
            Fold(number, fold.train if train is None else train, fold.test if test is None else test)
            if fold.number == number
            else fold
            for fold in self.listing.folds
        )
        return replace(self, listing=replace(self.listing, folds=folds))

    def with_facts(self, facts: Iterable[ClipInfo]) -> "Copy":
        return replace(self, facts=self.facts | {clip.name: clip for clip in facts})


def make_listing(class_names: Sequence[str], folds: Iterable[Fold]) -> Listing:
    return Listing(tuple(class_names), tuple(folds), lambda entry: Path(entry.name))


def small_copy(num_frames: int = 30, dataset: str = "folder") -> Copy:
    """24 clips of three classes in three folds."""
    entries = [Entry(f"clip{i:02d}", i % 3, Place(Path("list.csv"), i + 2), subject=f"s{i}") for i in range(24)]
    folds = [
        Fold(
            number,
            tuple(entry for i, entry in enumerate(entries) if i // 8 != number - 1),
            tuple(entry for i, entry in enumerate(entries) if i // 8 == number - 1),
        )
        for number in (1, 2, 3)
    ]
    facts = {entry.name: make_facts(entry.name, num_frames) for entry in entries}
    return Copy(dataset, make_listing(CLASS_NAMES[:3], folds), facts)


def dfew_copy() -> Copy:
    """A copy of DFEW that is as published: counts per class, fold and part, and frames in a clip."""
    labels = [label for label, counts in enumerate(zip(DFEW_TRAIN, DFEW_TEST, strict=True)) for _ in range(sum(counts))]
    entries = [Entry(f"{i + 1:05d}", label, Place(Path("set.csv"), i + 2)) for i, label in enumerate(labels)]
    tested = _tested_folds(labels)
    folds = [
        Fold(
            number,
            tuple(entry for entry, fold in zip(entries, tested, strict=True) if fold != number),
            tuple(entry for entry, fold in zip(entries, tested, strict=True) if fold == number),
        )
        for number in range(1, 6)
    ]
    lengths = [11, *[15] * 13, 847, *[70] * (len(entries) - 15)]
    facts = {entry.name: make_facts(entry.name, length) for entry, length in zip(entries, lengths, strict=True)}
    return Copy("dfew", make_listing(CLASS_NAMES, folds), facts)


def _tested_folds(labels: list[int]) -> list[int]:
    """Fold 1 tests as many clips of each class as published; the others share the rest, to their published sums."""
    left = list(DFEW_TESTED)
    seen = [0] * len(CLASS_NAMES)
    folds = []
    for label in labels:
        position = seen[label]
        seen[label] += 1
        if position < DFEW_TEST[label]:
            folds.append(1)
            left[0] -= 1
            continue
        other = 1 + (position - DFEW_TEST[label]) % 4
        folds.append(other + 1)
        left[other] -= 1
    # The remainders of each class went to the first folds: even them out among clips of different classes.
    for index in reversed(range(len(labels))):
        fold = folds[index]
        if fold > 1 and left[fold - 1] < 0:
            new = next(number for number in range(2, 6) if left[number - 1] > 0)
            left[fold - 1] += 1
            left[new - 1] -= 1
            folds[index] = new
    assert left == [0] * 5
    return folds
