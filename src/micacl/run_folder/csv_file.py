"""Reads and writes CSV files of a run folder."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from micacl.errors import UserError
from micacl.files import replacing


def read_csv(path: Path, missing: str) -> tuple[list[str], list[dict[str, str]]]:
    """Reads the columns and the rows of a file.

    Args:
        path: The file.
        missing: Why there may be no such file, for the message.

    Raises:
        UserError: If it is missing, cannot be read, or is not CSV.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
            return list(reader.fieldnames or ()), rows
    except FileNotFoundError:
        raise UserError(f"{path} is missing: {missing}.") from None
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path} is damaged and cannot be read as CSV: {error}") from error


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Writes a CSV file, whole or not at all.

    Args:
        path: The file.
        rows: The rows; a cell stays empty where a row lacks a column that another row has.

    Raises:
        UserError: If the folder cannot be written to.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns)
        writer.writeheader()
        writer.writerows(rows)
