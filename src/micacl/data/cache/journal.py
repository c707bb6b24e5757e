"""Records the info of each clip in the cache, line by line, so that a killed run loses one line at most."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from micacl.data.cache.clip_info import ClipInfo


@dataclass(frozen=True)
class Entry:
    """Holds one line of the journal.

    Attributes:
        info: What decoding the clip found.
        signature: The signature of its file or folder at that time; another one means that the clip has changed since.
        stored: Whether its frames are in the cache.
    """

    info: ClipInfo
    signature: str
    stored: bool


def signature(path: Path) -> str:
    """Gives a text that changes when a file or folder does, without reading it; "" where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


def read_journal(path: Path) -> dict[str, Entry]:
    """Reads the last entry of each clip, by its name; a line cut off when its writer was killed is left out."""
    if not path.is_file():
        return {}
    entries = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        entry = _parse(line)
        if entry is not None:
            entries[entry.info.name] = entry
    return entries


class JournalWriter:
    """Appends entries to a journal, each written through at once.

    Args:
        path: The journal, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        # A killed writer may have left half a line; the next one must not be glued to it.
        whole = not self._path.exists() or self._path.read_bytes()[-1:] in (b"", b"\n")
        self._file = self._path.open("a", encoding="utf-8")
        if not whole:
            self._file.write("\n")
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def append(self, entry: Entry) -> None:
        """Writes one entry."""
        values = asdict(entry.info) | {"signature": entry.signature, "stored": entry.stored}
        self._file.write(json.dumps(values) + "\n")
        self._file.flush()


def _parse(line: str) -> Entry | None:
    try:
        values = json.loads(line)
        signature_, stored = values.pop("signature"), values.pop("stored")
        info = ClipInfo(**values)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return Entry(info, signature_, stored) if _has_right_types(info) else None


def _has_right_types(info: ClipInfo) -> bool:
    texts: tuple[object, ...] = (info.name, info.content_hash, info.reason)
    numbers: tuple[object, ...] = (info.num_frames, info.height, info.width)
    return all(isinstance(text, str) for text in texts) and all(isinstance(number, int) for number in numbers)
