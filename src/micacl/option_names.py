"""Misspelt options, which Hydra answers with advice to add them with a plus sign."""

import dataclasses
import difflib
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args, get_type_hints

from micacl.errors import UserError


def check_option_names(arguments: Sequence[str], schema: type, config_folder: Path) -> None:
    """Refuses ``training.epoch=2``, and names the option that is nearest.

    Args:
        arguments: of the command line.
        schema: the types of its options.
        config_folder: where the groups are.

    Raises:
        UserError: If an argument names neither an option nor a group.
    """
    groups = {path.name for path in config_folder.iterdir() if path.is_dir()}
    known = groups | set(_options(schema))
    for argument in arguments:
        name, equals, _ = argument.lstrip("+~").partition("=")
        is_flag = argument.startswith("-") or not (equals or argument.startswith("~"))
        if (
            is_flag
            or name in known
            or name.startswith("hydra.")
            or "/" in name
            or "@" in name
            or _is_below_null(name, schema)
        ):
            continue
        raise UserError(f"there is no option {name}; {_nearest(name, known)}--help lists them all")


def _nearest(name: str, known: set[str]) -> str:
    """``epochs`` is meant for ``training.epochs``, and ``training.epoch`` too."""
    parent, _, last = name.rpartition(".")
    candidates = sorted(option for option in known if "." in option or not parent)
    by_last_part = [option for option in candidates if option.rpartition(".")[2] == last]
    close = by_last_part or difflib.get_close_matches(name, candidates, n=1)
    return f"is {' or '.join(close[:2])} meant? " if close else ""


def _options(kind: type, prefix: str = "") -> Iterator[str]:
    """Every option below a type, those that hold others among them."""
    for name, hint in get_type_hints(kind).items():
        yield prefix + name
        for inner in get_args(hint) or (hint,):
            if dataclasses.is_dataclass(inner):
                assert isinstance(inner, type)
                yield from _options(inner, f"{prefix}{name}.")


def _is_below_null(name: str, schema: type) -> bool:
    """Whether an option lies below one that may be null, of which :mod:`micacl.null_options` says more."""
    kind: object = schema
    for part in name.split(".")[:-1]:
        kind = get_type_hints(kind).get(part) if isinstance(kind, type) and dataclasses.is_dataclass(kind) else None
        if isinstance(kind, types.UnionType):
            return not any(dataclasses.is_dataclass(inner) for inner in get_args(kind))
    return False
