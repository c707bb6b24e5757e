"""Misspelt choices of a group, such as ``loss=focl``, which Hydra answers with its search path."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from micacl.errors import UserError

_PLAIN_NAME = re.compile(r"[\w.-]+")
# Configs from elsewhere, which may bring choices of their own.
_OTHER_CONFIGS = ("--config-dir", "-cd", "hydra.searchpath=")


def check_choice_names(arguments: Sequence[str], config_folder: Path) -> None:
    """Refuses ``loss=focl``, names the choice that is nearest, and lists all.

    Args:
        arguments: of the command line.
        config_folder: where the groups are.

    Raises:
        UserError: If a group's value names none of its files.
    """
    if any(argument.startswith(_OTHER_CONFIGS) for argument in arguments):
        return
    for argument in arguments:
        group, _, value = argument.lstrip("+").partition("=")
        choices = _choices(group, config_folder)
        for choice in value.split(","):
            if choices and _PLAIN_NAME.fullmatch(choice) and choice not in [*choices, "null"]:
                raise UserError(f"there is no {group}={choice}; {_nearest(choice, choices)}choose {_listed(choices)}")


def _choices(group: str, config_folder: Path) -> list[str]:
    """The files of a group; none for an option, and for Hydra's own groups, to which plugins bring more."""
    return [] if "/" in group else sorted(path.stem for path in (config_folder / group).glob("*.yaml"))


def _nearest(choice: str, choices: Sequence[str]) -> str:
    close = difflib.get_close_matches(choice, choices, n=1)
    return f"is {close[0]} meant? " if close else ""


def _listed(choices: Sequence[str]) -> str:
    """``a, b or c``."""
    return " or ".join([", ".join(choices[:-1]), choices[-1]] if len(choices) > 1 else choices)
