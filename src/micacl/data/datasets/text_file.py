"""Reads text files that people made; an error names the file and line."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from micacl.errors import UserError


@dataclass(frozen=True)
class Place:
    """The place where something is listed.

    Attributes:
        path: The file, or the clip itself if no file lists it.
        line: The line in the file, from 1; None if no file lists it.
    """

    path: Path
    line: int | None

    def __str__(self) -> str:
        return str(self.path) if self.line is None else f"{self.path}, line {self.line}"

    def error(self, message: str) -> UserError:
        """Makes a UserError that names this place."""
        return UserError(f"{self}: {message}")


def read_text(path: Path) -> str:
    """Reads a file, without the byte-order mark that spreadsheet programs write.

    Args:
        path: The file, UTF-8.

    Raises:
        UserError: If the file cannot be read.
    """
    try:
        # utf-8-sig drops a byte-order mark, which would otherwise become part of the first word.
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} cannot be read: {error}; save it as UTF-8 text") from error


def read_lines(path: Path) -> Iterator[tuple[Place, str]]:
    """Reads the lines of a file that are not blank, with any line ending.

    Args:
        path: The file, UTF-8.

    Yields:
        The place of each line, and its stripped text.

    Raises:
        UserError: If the file cannot be read.
    """
    # str.splitlines would also split at characters that may be part of a name, such as U+2028.
    for number, line in enumerate(io.StringIO(read_text(path), newline=None), start=1):
        if text := line.strip():
            yield Place(path, number), text
