"""A list of all clips that two people can compare: what each is called, shows and holds, and when it trains or tests.

The text is canonical (UTF-8, LF, quoted, sorted by name), so its SHA-256 is the same wherever the data set lies,
however its files are ordered and whatever machine wrote it: `sha256sum manifest.csv` gives it too.
"""

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from micacl.data.cache.clip_info import ClipInfo
from micacl.data.datasets.csv_rows import whole_number
from micacl.data.datasets.listing import Listing
from micacl.data.datasets.text_file import Place, read_text
from micacl.files import replacing

COLUMNS = ("clip", "class", "train_folds", "test_folds", "frames", "content_sha256")


@dataclass(frozen=True, order=True)
class ManifestRow:
    """One clip.

    Attributes:
        clip: Its name.
        class_name: Its class; several, joined by `|`, where lists disagree.
        train_folds: The folds that it trains in, in order.
        test_folds: The folds that it tests in, in order.
        num_frames: Its frames; 0 where it is missing or cannot be decoded.
        content_hash: SHA-256 of its content; "" likewise.
    """

    clip: str
    class_name: str
    train_folds: tuple[int, ...]
    test_folds: tuple[int, ...]
    num_frames: int
    content_hash: str


Manifest = tuple[ManifestRow, ...]


def make_manifest(listing: Listing, facts: Mapping[str, ClipInfo]) -> Manifest:
    """The manifest of a copy of a data set.

    Args:
        listing: All its folds.
        facts: Name of each clip on disk to what decoding it found out.
    """
    classes: dict[str, set[str]] = defaultdict(set)
    folds: dict[tuple[str, str], set[int]] = defaultdict(set)
    for fold in listing.folds:
        for part, entries in fold.parts():
            for entry in entries:
                classes[entry.name].add(listing.class_names[entry.label])
                folds[entry.name, part].add(fold.number)
    nothing = ClipInfo("", 0, 0, 0, "", "")
    return tuple(
        ManifestRow(
            name,
            "|".join(sorted(classes[name])),
            tuple(sorted(folds[name, "train"])),
            tuple(sorted(folds[name, "test"])),
            facts.get(name, nothing).num_frames,
            facts.get(name, nothing).content_hash,
        )
        for name in sorted(classes)
    )


def manifest_hash(manifest: Manifest) -> str:
    """SHA-256 of the manifest, 64 hexadecimal digits."""
    return hashlib.sha256(_text(manifest).encode()).hexdigest()


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write the manifest, whole or not at all.

    Raises:
        UserError: If the folder cannot be written to.
    """
    with replacing(path) as partial:
        partial.write_bytes(_text(manifest).encode())


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        UserError: If the file cannot be read, or is no manifest; the message names the line.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    rows: list[ManifestRow] = []
    try:
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise Place(path, 1).error(f"this is no manifest; it must begin with {','.join(COLUMNS)}")
        for cells in reader:
            rows.append(_row(Place(path, reader.line_num), cells))
    except csv.Error as error:
        raise Place(path, reader.line_num).error(f"this is no CSV: {error}") from error
    return tuple(sorted(rows))


def _row(place: Place, cells: list[str]) -> ManifestRow:
    if len(cells) != len(COLUMNS):
        raise place.error(f"there are {len(cells)} values; there must be {len(COLUMNS)}")
    clip, class_name, train, test, num_frames, content = cells
    train_folds, test_folds = (
        tuple(whole_number(place, "a fold", number, 1) for number in text.split()) for text in (train, test)
    )
    return ManifestRow(clip, class_name, train_folds, test_folds, whole_number(place, "frames", num_frames, 0), content)


def _text(manifest: Manifest) -> str:
    text = io.StringIO(newline="")
    # Which values need quotes differs between versions of Python; that all have them does not.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in sorted(manifest):
        folds = (" ".join(map(str, numbers)) for numbers in (row.train_folds, row.test_folds))
        writer.writerow([row.clip, row.class_name, *folds, row.num_frames, row.content_hash])
    return text.getvalue()
