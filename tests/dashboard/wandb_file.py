"""Reads what W&B has written offline, without W&B's own reader: a log in LevelDB's format, of protocol buffers."""

import json
import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

HEADER = 7  # ":W&B" and a version; also what stands before each part of a record: checksum, length, kind
BLOCK = 32768
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def records(path: Path) -> Iterator[Record]:
    """The records of a ``.wandb`` file."""
    data = path.read_bytes()
    assert data.startswith(b":W&B")
    position, parts = HEADER, b""
    while position + HEADER <= len(data):
        left = BLOCK - position % BLOCK
        if left < HEADER:
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        if kind == 0:  # the rest of the file is room that has not been used
            return
        if position + HEADER + length > len(data):
            return  # W&B is still writing it
        parts += data[position + HEADER : position + HEADER + length]
        position += HEADER + length
        if kind in (WHOLE, LAST):
            record = Record()
            record.ParseFromString(parts)
            parts = b""
            yield record


def whole_records(path: Path) -> list[Record]:
    """The records of a run that has ended: on a busy machine W&B writes the last ones after the run was told so."""
    deadline = time.monotonic() + 60
    while True:
        found = list(records(path))
        if time.monotonic() > deadline or any(record.WhichOneof("record_type") == "exit" for record in found):
            return found
        time.sleep(0.1)


class OfflineRun:
    """An offline run that has ended: what was logged, in the order in which it was.

    Args:
        folder: ``offline-run-...``.
    """

    def __init__(self, folder: Path) -> None:
        self.files = folder / "files"
        (path,) = folder.glob("run-*.wandb")
        self.records = whole_records(path)
        (self.run,) = (record.run for record in self.records if record.WhichOneof("record_type") == "run")
        self.steps = [_nested(record.history.item) for record in self.records if record.HasField("history")]
        updates = [item for record in self.records if record.HasField("summary") for item in record.summary.update]
        self.summary = _nested(updates)
        self.ended = any(record.WhichOneof("record_type") == "exit" for record in self.records)

    def item(self, name: str) -> Any:
        """The one value that was logged under a name."""
        (value,) = (step[name] for step in self.steps if name in step)
        return value

    def file(self, value: Any) -> Path:
        """The file of a picture, a video or a table."""
        path = self.files / value["path"]
        assert path.stat().st_size == value["size"]
        return path

    def table(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table; pictures and videos are the paths of their files."""
        (files,) = (
            {content.path: Path(content.local_path) for content in record.artifact.manifest.contents}
            for record in self.records
            if any(content.path == f"{name}.table.json" for content in record.artifact.manifest.contents)
        )
        assert self.file(self.item(name)).is_file()  # what W&B shows of the run's history
        content = json.loads(files[f"{name}.table.json"].read_text(encoding="utf-8"))
        return [
            {
                column: files[cell["path"]] if isinstance(cell, dict) else cell
                for column, cell in zip(content["columns"], row, strict=True)
            }
            for row in content["data"]
        ]


def _nested(items: Iterable[Any]) -> dict[str, Any]:
    """Items by name; one of several parts, as a picture is, comes part by part."""
    found: dict[str, Any] = {}
    for item in items:
        name, *rest = list(item.nested_key) or [item.key]
        value = json.loads(item.value_json)
        if rest:
            found.setdefault(name, {})["/".join(rest)] = value
        else:
            found[name] = value
    return found
