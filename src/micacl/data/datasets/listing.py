"""Describes a data set by its lists: its clips, their labels, the two parts of each fold, and how to find the clips."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from micacl.data.datasets.text_file import Place
from micacl.data.split import Clip, Split
from micacl.errors import UserError


@dataclass(frozen=True)
class Entry:
    """One clip in one list; the clip need not be on disk.

    Attributes:
        name: The name that identifies the clip in the data set, the same on every machine.
        label: The index of the clip's class in the listing's class names.
        place: The file and line that list the clip.
        subject: The person shown, or None if the data set does not say.
        num_frames: The number of frames according to the list, or None.
    """

    name: str
    label: int
    place: Place
    subject: str | None = None
    num_frames: int | None = None


@dataclass(frozen=True)
class Fold:
    """The training and the test clips of one fold.

    Attributes:
        number: The number of the fold, from 1.
        train: The training clips, in the order listed.
        test: The test clips, in the order listed.
    """

    number: int
    train: tuple[Entry, ...]
    test: tuple[Entry, ...]

    def parts(self) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
        """Returns both parts with their names, "train" and "test"."""
        return (("train", self.train), ("test", self.test))


@dataclass(frozen=True)
class Listing:
    """A data set as its lists describe it.

    Attributes:
        class_names: The name of each label.
        folds: The folds that were asked for.
        find: A function that finds an entry's clip on disk; it raises a UserError that names the file and line of an
            entry whose clip is not there.
    """

    class_names: tuple[str, ...]
    folds: tuple[Fold, ...]
    find: Callable[[Entry], Path]

    def entries(self) -> Iterator[Entry]:
        """Iterates over all entries of all lists: each clip comes once per fold."""
        for fold in self.folds:
            yield from fold.train
            yield from fold.test


@dataclass(frozen=True)
class Located:
    """The clips of a listing on disk.

    Attributes:
        paths: The file or folder of each clip that was found, by the clip's name.
        missing: The error message of each other clip, by the clip's name.
    """

    paths: dict[str, Path]
    missing: dict[str, str]


def check_listed_once(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Returns the entries of one list after checking that no clip is listed twice.

    Raises:
        UserError: If a clip is listed twice; the message names both lines.
    """
    first: dict[str, Entry] = {}
    for entry in entries:
        if entry.name in first:
            line = first[entry.name].place.line
            raise entry.place.error(f"clip {entry.name} was already listed on line {line}; list it once")
        first[entry.name] = entry
    return tuple(first.values())


def locate(listing: Listing) -> Located:
    """Looks for every clip of every fold, and notes the missing ones."""
    located = Located({}, {})
    for entry in listing.entries():
        if entry.name in located.paths or entry.name in located.missing:
            continue
        try:
            located.paths[entry.name] = listing.find(entry)
        except UserError as error:
            located.missing[entry.name] = str(error)
    return located


def choose_fold(listing: Listing, fold: int) -> Fold:
    """Returns one fold of a data set.

    Raises:
        UserError: If there is no such fold.
    """
    chosen = next((other for other in listing.folds if other.number == fold), None)
    if chosen is None:
        numbers = ", ".join(str(other.number) for other in listing.folds)
        raise UserError(f"fold is {fold}; this data set has the folds {numbers}")
    return chosen


def load_split(listing: Listing, fold: int) -> Split:
    """Finds the clips of one fold on disk and makes them a split.

    Args:
        listing: The data set.
        fold: The number of the fold.

    Returns:
        The split, in the order listed.

    Raises:
        UserError: If a clip is not on disk or is in both parts (the message names the line), there is no such fold, or
            the fold cannot be trained on.
    """
    chosen = choose_fold(listing, fold)
    trained = {entry.name: entry for entry in chosen.train}
    for entry in chosen.test:
        if entry.name in trained:
            raise entry.place.error(
                f"clip {entry.name} lies in the training and in the test split ({trained[entry.name].place}); "
                "remove it from one, or the test measures what was trained"
            )
    train, test = (
        tuple(Clip(entry.name, listing.find(entry), entry.label, entry.subject) for entry in entries)
        for _, entries in chosen.parts()
    )
    return Split(listing.class_names, train, test)
