"""Reads text files that people made, and says, when a line is wrong, which file and line."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from micacl.errors import UserError


@dataclass(frozen=True)
class Place:
    """Where something was listed.

    Attributes:
        path: The file, or the clip itself where no file lists it.
        line: The line in the file, from 1; None where there are no lines.
    """

    path: Path
    line: int | None

    def __str__(self) -> str:
        return str(self.path) if self.line is None else f"{self.path}, line {self.line}"

    def error(self, message: str) -> UserError:
        """A UserError that names this place."""
        return UserError(f"{self}: {message}")


def read_text(path: Path) -> str:
    """The text of a file, without the byte-order mark that spreadsheet programs leave.

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
    """The lines of a file that are not blank, stripped, whatever ends them.

    Args:
        path: The file, UTF-8.

    Yields:
        Where a line is, and its text.

    Raises:
        UserError: If the file cannot be read.
    """
    # str.splitlines would also cut at characters that may be part of a name, such as U+2028.
    for number, line in enumerate(io.StringIO(read_text(path), newline=None), start=1):
        if text := line.strip():
            yield Place(path, number), text
