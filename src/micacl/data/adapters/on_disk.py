"""Whether paths exist, asking each folder once: one by one, 38,935 clips take minutes on a network disk."""

import os
import unicodedata
from pathlib import Path


class Shelves:
    """The folders that were asked for, each listed once."""

    def __init__(self) -> None:
        self._names: dict[Path, dict[str, str]] = {}

    def find(self, path: Path) -> Path | None:
        """The path as the disk spells it, or None where it is not there.

        Args:
            path: an absolute path. A name may come composed or decomposed (`é` as one character or as two); macOS
                writes the latter, lists have the former.
        """
        folder = path.parent
        if folder == path:
            return path
        if folder not in self._names:
            self._names[folder] = _list(self._spelled(folder))
        name = self._names[folder].get(unicodedata.normalize("NFC", path.name))
        return None if name is None else self._spelled(folder) / name

    def _spelled(self, folder: Path) -> Path:
        return folder if folder.is_dir() else self.find(folder) or folder


def _list(folder: Path) -> dict[str, str]:
    """Each name in its composed form to the name as it is."""
    try:
        return {unicodedata.normalize("NFC", name): name for name in os.listdir(folder)}  # noqa: PTH208  names alone
    except OSError:
        return {}
