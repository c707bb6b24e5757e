"""Checks the type of each field of a JSON object as it is read."""

import math
from typing import Any, TypeVar

ROUNDING = 1e-6  # a mean of ones in 32 bits may come out above 1

T = TypeVar("T")


class FieldError(Exception):
    """Reports a field that is missing or of the wrong type; the message names it."""


def field(record: dict[str, Any], key: str, kind: type[T]) -> T:
    """Reads a field that must be there.

    Raises:
        FieldError: If it is missing, or of another type.
    """
    if key not in record:
        raise FieldError(f'"{key}" is missing')
    return checked(kind, record[key], f'"{key}"')


def optional(record: dict[str, Any], key: str, kind: type[T]) -> T | None:
    """Reads a field that may be missing or null.

    Raises:
        FieldError: If it is of another type.
    """
    value = record.get(key)
    return None if value is None else checked(kind, value, f'"{key}"')


def rate(record: dict[str, Any], key: str) -> float | None:
    """Reads a fraction; JSON's null and Python's NaN both mean that it is undefined.

    Raises:
        FieldError: If it is not a number from 0 to 1.
    """
    value = record.get(key)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1 + ROUNDING:
        raise FieldError(f'"{key}" is {value!r}, not a fraction from 0 to 1')
    return float(value)


def flag(value: object, what: str) -> bool | None:
    """Checks a value that is true, false, or null where it is unknown.

    Raises:
        FieldError: If it is none of these.
    """
    if value is not None and not isinstance(value, bool):
        raise FieldError(f"{what} is {value!r}, neither true nor false")
    return value


def checked(kind: type[T], value: object, what: str) -> T:
    """Checks the type of a value.

    Raises:
        FieldError: If it is of another type.
    """
    if not isinstance(value, kind) or isinstance(value, bool):  # Python counts True as the integer 1
        raise FieldError(f"{what} is {value!r}, not of type {kind.__name__}")
    return value
