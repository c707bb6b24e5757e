"""Expands ranges of integers, ``fold=1..5``, into what Hydra sweeps over."""

import re
from collections.abc import Sequence

from micacl.errors import UserError

_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")
_LIST_OR_TEXT = re.compile(r"[\[({\"']")


def expand_ranges(arguments: Sequence[str]) -> list[str]:
    """Expands every range ``a..b`` of an option into Hydra's ``a,...,b``, including both ends.

    Lists and quoted text stay as they are, and so does a ``..`` that is not between two whole numbers.

    >>> expand_ranges(["dataset=dfew", "fold=1..3", "seed=7,9..10", "-m"])
    ['dataset=dfew', 'fold=1,2,3', 'seed=7,9,10', '-m']

    Raises:
        UserError: If a range is empty.
    """
    return [_expand(argument) for argument in arguments]


def _expand(argument: str) -> str:
    key, equals, value = argument.partition("=")
    parts = value.split(",")
    if not equals or _LIST_OR_TEXT.search(value) or not any(_RANGE.fullmatch(part) for part in parts):
        return argument
    return key + equals + ",".join(_numbers(part, argument) for part in parts)


def _numbers(part: str, argument: str) -> str:
    match = _RANGE.fullmatch(part)
    if match is None:
        return part
    first, last = int(match[1]), int(match[2])
    if first > last:
        raise UserError(f"{argument}: the range {part} is empty; write {last}..{first}")
    return ",".join(str(number) for number in range(first, last + 1))
