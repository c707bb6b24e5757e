"""Misspelt options, which Hydra answers with advice to add them with a plus sign."""

import dataclasses
import difflib
import re
import types
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import get_args, get_type_hints

from omegaconf import OmegaConf

from micacl.errors import UserError


def check_option_names(arguments: Sequence[str], schema: type, config_folder: Path) -> None:
    """Refuses ``training.epoch=2``, and names the option that is nearest.

    Args:
        arguments: Of the command line.
        schema: The types of its options.
        config_folder: Where the groups are.

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
    """Whether an option lies below one that may be null, of which :mod:`micacl.cli.mistakes` says more."""
    kind: object = schema
    for part in name.split(".")[:-1]:
        kind = get_type_hints(kind).get(part) if isinstance(kind, type) and dataclasses.is_dataclass(kind) else None
        if isinstance(kind, types.UnionType):
            return not any(dataclasses.is_dataclass(inner) for inner in get_args(kind))
    return False


_PLAIN_NAME = re.compile(r"[\w.-]+")
# Configs from elsewhere, which may bring choices of their own.
_OTHER_CONFIGS = ("--config-dir", "-cd", "hydra.searchpath=")


def check_choice_names(arguments: Sequence[str], config_folder: Path) -> None:
    """Refuses ``loss=focl``, names the choice that is nearest, and lists all.

    Args:
        arguments: Of the command line.
        config_folder: Where the groups are.

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
                nearest = _nearest_choice(choice, choices)
                raise UserError(f"there is no {group}={choice}; {nearest}choose {_listed(choices)}")


def _choices(group: str, config_folder: Path) -> list[str]:
    """The files of a group; none for an option, and for Hydra's own groups, to which plugins bring more."""
    return [] if "/" in group else sorted(path.stem for path in (config_folder / group).glob("*.yaml"))


def _nearest_choice(choice: str, choices: Sequence[str]) -> str:
    close = difflib.get_close_matches(choice, choices, n=1)
    return f"is {close[0]} meant? " if close else ""


def _listed(choices: Sequence[str]) -> str:
    """``a, b or c``."""
    return " or ".join([", ".join(choices[:-1]), choices[-1]] if len(choices) > 1 else choices)


def check_null_options(arguments: Sequence[str], schema: type, config_folder: Path) -> None:
    """Refuses ``dataset=dfew dataset.synthetic.seed=3``: of another data set the recipe is null, and has no seed.

    Args:
        arguments: Of the command line.
        schema: The types of its options.
        config_folder: Where the groups are.

    Raises:
        UserError: If an option lies below one that is null, or that never has options below it.
    """
    chosen = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    for name in chosen:
        node = _nullable(name.split("."), schema)
        if node is None:
            continue
        group = node.partition(".")[0]
        path = config_folder / group / f"{chosen.get(group)}.yaml"
        if group not in chosen and _has_options(node.split("."), schema):
            continue  # the default of the group decides, which has them
        if group in chosen and (not path.is_file() or OmegaConf.select(OmegaConf.load(path), node) is not None):
            continue  # Hydra names the choices, or the choice has options there
        selected = f" with {group}={chosen[group]}" if group in chosen else ""
        raise UserError(f"there is no option {name}{selected}: {node} is null or one value; leave it out")


def _nullable(parts: Sequence[str], schema: type) -> str | None:
    """The first of the options above the named one that may be null."""
    kind = schema
    for length, part in enumerate(parts[:-1], start=1):
        hint = get_type_hints(kind).get(part)
        if isinstance(hint, types.UnionType):
            return ".".join(parts[:length])
        if not dataclasses.is_dataclass(hint):
            return None
        assert isinstance(hint, type)
        kind = hint
    return None


def _has_options(parts: Sequence[str], schema: type) -> bool:
    """Whether an option, where it is not null, has options below it."""
    hint: object = schema
    for part in parts:
        assert isinstance(hint, type)
        hint = get_type_hints(hint)[part]
    return any(dataclasses.is_dataclass(kind) for kind in get_args(hint))


# What is written on the command line: the package that it needs, and the extra of this one that brings it.
_NEEDED = {
    "hydra/launcher=gpus": ("hydra-joblib-launcher", "gpus"),
    "hydra/launcher=slurm": ("hydra-submitit-launcher", "slurm"),
    "experiment=search": ("optuna", "search"),
    "hydra/sweeper=search": ("optuna", "search"),
}


def check_plugins(arguments: Sequence[str]) -> None:
    """Says which package is missing, where Hydra would say that a file or a class is.

    Raises:
        UserError: If a choice of the command line needs a plugin that is not installed.
    """
    for argument in arguments:
        package, extra = _NEEDED.get(argument.lstrip("+"), (None, None))
        if package is None:
            continue
        try:
            version(package)
        except PackageNotFoundError:
            raise UserError(
                f'{argument} needs {package}, which is not installed: python -m pip install "micacl[{extra}]"'
            ) from None
