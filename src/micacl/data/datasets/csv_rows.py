"""Reads CSV files; an error names the file and line."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from micacl.data.datasets.text_file import Place, read_text
from micacl.errors import UserError


@dataclass(frozen=True)
class Row:
    """One row of a CSV file.

    Attributes:
        place: The file, and the line that the row ends on.
        values: The stripped value of each column, by the column's name.
    """

    place: Place
    values: dict[str, str]

    def integer(self, column: str, lowest: int, highest: int | None = None) -> int:
        """Reads the value of a column as a whole number; see `whole_number`."""
        return whole_number(self.place, column, self.values[column], lowest, highest)

    def error(self, message: str) -> UserError:
        """Makes a UserError that names this row's file and line."""
        return self.place.error(message)


def whole_number(place: Place, name: str, text: str, lowest: int, highest: int | None = None) -> int:
    """Reads a whole number from a file that people made.

    Args:
        place: The place that the number is written at.
        name: The name of the quantity, for the error message.
        text: The number as written.
        lowest: The smallest value allowed.
        highest: The largest value allowed, or None.

    Returns:
        The number.

    Raises:
        UserError: If the text is not a whole number or is out of range; the message names the file and line.
    """
    # No count has more than 18 digits, and int refuses very long numbers with an error of its own.
    number = int(text) if text.isdecimal() and len(text) <= 18 else None
    if number is None or number < lowest or (highest is not None and number > highest):
        allowed = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"
        raise place.error(f'{name} is "{text}"; it must be a whole number {allowed}')
    return number


def read_rows(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Row]:
    """Reads a CSV file with a header as spreadsheet programs save it: with a byte-order mark, CRLF, blank lines.

    Args:
        path: The file, UTF-8.
        columns: The columns that must exist and have a value in every row; other columns are ignored.
        optional: The columns that may be missing or empty; their value is then "".

    Yields:
        The rows that are not blank.

    Raises:
        UserError: If the file cannot be read, or a column or a value is missing.
    """
    header: list[str] = []
    for place, row_cells in read_cells(path):
        cells = [cell.strip() for cell in row_cells]
        if not any(cells):
            continue
        if not header:
            header = cells
            _check_header(header, columns, place)
            continue
        values = dict(zip(header, cells, strict=False))
        row = Row(place, {column: values.get(column, "") for column in (*columns, *optional)})
        empty = [column for column in columns if not row.values[column]]
        if empty:
            raise row.error(f"there is no value for {', '.join(empty)}")
        yield row
    if not header:
        raise UserError(f"{path} is empty; it must have the columns {', '.join(columns)}")


def read_cells(path: Path) -> Iterator[tuple[Place, list[str]]]:
    """Reads all rows of a CSV file, blank ones and the header included, as they are.

    Args:
        path: The file, UTF-8.

    Yields:
        The place of each row and its cells.

    Raises:
        UserError: If the file cannot be read or is not CSV.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    try:
        for cells in reader:
            yield Place(path, reader.line_num), cells
    except csv.Error as error:
        raise Place(path, reader.line_num).error(f"this is not CSV: {error}") from error


def _check_header(header: Sequence[str], columns: Sequence[str], place: Place) -> None:
    missing = [column for column in columns if column not in header]
    if missing:
        raise place.error(
            f'the header is "{",".join(header)}" and lacks {", ".join(missing)}; it must name {", ".join(columns)}'
        )
    repeated = [column for column in columns if header.count(column) > 1]
    if repeated:
        raise place.error(f"the header names {', '.join(repeated)} twice; name each column once")
