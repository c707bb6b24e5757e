"""Reads the rows of a CSV file and says, when one is wrong, which file and line."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from micacl.errors import UserError


@dataclass(frozen=True)
class Row:
    """One row of a CSV file.

    Attributes:
        path: the file.
        line: the line that the row ends on, from 1.
        values: column name to stripped value.
    """

    path: Path
    line: int
    values: dict[str, str]

    def integer(self, column: str, lowest: int, highest: int | None = None) -> int:
        """The value of a column as a whole number.

        Args:
            column: its name.
            lowest: the smallest value allowed.
            highest: the largest value allowed, or None.

        Returns:
            The number.

        Raises:
            UserError: the value is no whole number or out of range; the message names the file and line.
        """
        text = self.values[column]
        number = int(text) if text.isdecimal() else None
        if number is None or number < lowest or (highest is not None and number > highest):
            allowed = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"
            raise self.error(f'{column} is "{text}"; it must be a whole number {allowed}')
        return number

    def error(self, message: str) -> UserError:
        """A UserError that names this row's file and line."""
        return UserError(f"{self.path}, line {self.line}: {message}")


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Read a CSV file with a header, as spreadsheet programs leave it: a byte-order mark, CRLF, blank lines are fine.

    Args:
        path: the file, UTF-8.
        columns: the columns that must be there; others are ignored.

    Yields:
        The rows that are not blank.

    Raises:
        UserError: the file cannot be read, or a column or a value is missing.
    """
    try:
        # utf-8-sig drops a byte-order mark, which would otherwise become part of the first column's name.
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    reader = csv.reader(text.splitlines())
    header: list[str] = []
    for cells in reader:
        cells = [cell.strip() for cell in cells]
        if not any(cells):
            continue
        if not header:
            header = cells
            missing = [column for column in columns if column not in header]
            if missing:
                raise UserError(
                    f'{path}, line {reader.line_num}: the header is "{",".join(header)}" and lacks '
                    f"{', '.join(missing)}; it must name {', '.join(columns)}"
                )
            continue
        values = dict(zip(header, cells, strict=False))
        row = Row(path, reader.line_num, {column: values.get(column, "") for column in columns})
        empty = [column for column in columns if not row.values[column]]
        if empty:
            raise row.error(f"there is no value for {', '.join(empty)}")
        yield row
    if not header:
        raise UserError(f"{path} is empty; it must have the columns {', '.join(columns)}")
