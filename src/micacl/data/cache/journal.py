"""What the cache knows of each clip, kept line by line so that a killed run loses one line at most."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from micacl.data.cache.facts import ClipFacts


@dataclass(frozen=True)
class Entry:
    """A line of the journal.

    Attributes:
        facts: What was found out about the clip.
        signature: Of its file or folder at that time; another one means that the source has changed since.
        stored: Its frames are in the cache.
    """

    facts: ClipFacts
    signature: str
    stored: bool


def signature(path: Path) -> str:
    """Tells a changed file or folder from the one before, without reading it; "" where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


def read_journal(path: Path) -> dict[str, Entry]:
    """The last line of each clip, by its name; a line that was cut off when its writer was killed is no line."""
    if not path.is_file():
        return {}
    entries = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        entry = _parse(line)
        if entry is not None:
            entries[entry.facts.name] = entry
    return entries


def to_line(entry: Entry) -> str:
    """An entry as a line of the journal."""
    return json.dumps(asdict(entry.facts) | {"signature": entry.signature, "stored": entry.stored}) + "\n"


def _parse(line: str) -> Entry | None:
    try:
        values = json.loads(line)
        signature_, stored = values.pop("signature"), values.pop("stored")
        facts = ClipFacts(**values)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return Entry(facts, signature_, stored) if _has_right_types(facts) else None


def _has_right_types(facts: ClipFacts) -> bool:
    texts: Mapping[str, object] = {"name": facts.name, "hash": facts.content_hash, "reason": facts.reason}
    numbers = (facts.num_frames, facts.height, facts.width)
    return all(isinstance(text, str) for text in texts.values()) and all(isinstance(n, int) for n in numbers)
