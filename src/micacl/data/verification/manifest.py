"""Lists the name, class, folds and content of every clip, so that two people can compare their copies of a data set.

The text is canonical (UTF-8, LF, quoted, sorted by name), so its SHA-256 does not depend on the data set's folder, on
the order of its files or on the machine; `sha256sum manifest.csv` gives the same hash.
"""

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from micacl.data.cache.clip_info import ClipInfo
from micacl.data.datasets.csv_rows import read_cells, whole_number
from micacl.data.datasets.listing import Listing
from micacl.data.datasets.text_file import Place
from micacl.files import replacing

COLUMNS = ("clip", "class", "train_folds", "test_folds", "frames", "content_sha256")


@dataclass(frozen=True, order=True)
class ManifestRow:
    """One clip.

    Attributes:
        clip: The clip's name.
        class_name: The clip's class; several classes, joined by `|`, if lists disagree.
        train_folds: The folds in whose training part the clip is, in order.
        test_folds: The folds in whose test part the clip is, in order.
        num_frames: The number of frames; 0 if the clip is missing or cannot be decoded.
        content_hash: The SHA-256 of the content; "" if the clip is missing or cannot be decoded.
    """

    clip: str
    class_name: str
    train_folds: tuple[int, ...]
    test_folds: tuple[int, ...]
    num_frames: int
    content_hash: str


Manifest = tuple[ManifestRow, ...]


def make_manifest(listing: Listing, facts: Mapping[str, ClipInfo]) -> Manifest:
    """Makes the manifest of a copy of a data set.

    Args:
        listing: The listing with all folds.
        facts: The result of decoding each clip on disk, by the clip's name.
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
    """Returns the SHA-256 of the manifest, 64 hexadecimal digits."""
    return hashlib.sha256(_text(manifest).encode()).hexdigest()


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Writes the manifest, whole or not at all.

    Raises:
        UserError: If the folder cannot be written to.
    """
    with replacing(path) as partial:
        partial.write_bytes(_text(manifest).encode())


def read_manifest(path: Path) -> Manifest:
    """Reads a manifest.

    Raises:
        UserError: If the file cannot be read, or is not a manifest; the message names the line.
    """
    rows = read_cells(path)
    _, header = next(rows, (None, []))
    if tuple(header) != COLUMNS:
        raise Place(path, 1).error(f"this is not a manifest; it must begin with {','.join(COLUMNS)}")
    return tuple(sorted(_row(place, cells) for place, cells in rows))


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
    # All values are quoted, because versions of Python differ in which values they find in need of quotes.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in sorted(manifest):
        folds = (" ".join(map(str, numbers)) for numbers in (row.train_folds, row.test_folds))
        writer.writerow([row.clip, row.class_name, *folds, row.num_frames, row.content_hash])
    return text.getvalue()
