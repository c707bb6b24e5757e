"""Refuses what is misspelt on the command line, with the nearest name and all choices.

Hydra would answer an unknown option with the advice to add it with a plus sign, and list its search path with a wrong
choice. What Hydra's parser does not understand is left to Hydra, which says where it stopped.
"""

import dataclasses
import difflib
import re
import types
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, get_args, get_type_hints

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, QuotedString, Transformer
from hydra.errors import HydraException
from omegaconf import OmegaConf

from micacl.errors import UserError
from micacl.process.scheduler import launcher_rank


def check_command_line(arguments: Sequence[str], schema: type, config_folder: Path) -> None:
    """Parses the command line as Hydra will, and refuses names that do not exist.

    Args:
        arguments: The arguments of the command, with their ranges expanded.
        schema: The types of its options.
        config_folder: The folder with a folder for each group of configs.

    Raises:
        UserError: If an argument names no option or no choice of its group, lies below an option that has none below
            it, or needs a package that is not installed; or if several processes train together without a common
            folder.
    """
    flags, others = get_args_parser().parse_known_args(arguments)
    named = [argument for argument in others if not argument.startswith("-")]  # those after a flag in the middle
    try:
        overrides = OverridesParser.create().parse_overrides([*flags.overrides, *named])
    except HydraException:
        return
    set_here = [override for override in overrides if not override.is_delete()]
    _check_names(overrides, schema, config_folder)
    if not (flags.config_dir or any(override.key_or_group == "hydra.searchpath" for override in set_here)):
        _check_choices(set_here, config_folder)  # configs from elsewhere may bring choices of their own
    _check_parents(set_here, schema, config_folder)
    _check_packages(set_here)
    _check_common_folder(set_here)


def _check_names(overrides: Sequence[Override], schema: type, config_folder: Path) -> None:
    """Refuses ``training.epoch=2``, and names the option that is nearest."""
    groups = {path.name for path in config_folder.iterdir() if path.is_dir()}
    known = groups | set(_options(schema))
    for override in overrides:
        name = override.key_or_group
        left_to_hydra = override.is_hydra_override() or "/" in name or override.package is not None
        parent = _nullable_parent(name, schema)
        below_value = parent is not None and not parent.has_options  # _check_parents says more about it
        if name in known or left_to_hydra or below_value:
            continue
        raise UserError(f"there is no option {name}; {_nearest_option(name, known)}--help lists them all")


def _options(kind: type, prefix: str = "") -> Iterator[str]:
    """Yields every option below a type, including those that have options below them."""
    for name, hint in get_type_hints(kind).items():
        yield prefix + name
        for inner in get_args(hint) or (hint,):
            if dataclasses.is_dataclass(inner):
                assert isinstance(inner, type)
                yield from _options(inner, f"{prefix}{name}.")


def _nearest_option(name: str, known: set[str]) -> str:
    """Asks whether ``training.epochs`` is meant by ``epochs``, or by ``training.epoch``."""
    parent, _, last = name.rpartition(".")
    candidates = sorted(option for option in known if "." in option or not parent)
    by_last_part = [option for option in candidates if option.rpartition(".")[2] == last]
    close = by_last_part or difflib.get_close_matches(name, candidates, n=1)
    return f"is {' or '.join(close[:2])} meant? " if close else ""


_PLAIN_NAME = re.compile(r"[\w.-]+")


def _check_choices(overrides: Sequence[Override], config_folder: Path) -> None:
    """Refuses ``loss=focl``, names the choice that is nearest, and lists all of them."""
    for override in overrides:
        group = override.key_or_group
        if "/" in group or override.package is not None:  # Hydra's own groups, to which plugins bring choices
            continue
        choices = sorted(path.stem for path in (config_folder / group).glob("*.yaml"))
        for choice in _values(override):
            if choices and _PLAIN_NAME.fullmatch(choice) and choice not in [*choices, "null"]:
                close = difflib.get_close_matches(choice, choices, n=1)
                meant = f"is {close[0]} meant? " if close else ""
                raise UserError(f"there is no {group}={choice}; {meant}choose {' or '.join(_listed(choices))}")


def _listed(choices: Sequence[str]) -> list[str]:
    """Joins all but the last with commas."""
    return [", ".join(choices[:-1]), choices[-1]] if len(choices) > 1 else list(choices)


def _values(override: Override) -> list[str]:
    """Writes out the value of an option, or the values that a sweep chooses from; none of a range or a pattern."""
    value: Any = override.value()
    if isinstance(value, ChoiceSweep):
        return [_text(choice) for choice in value.list]
    return [] if override.is_sweep_override() else [_text(value)]


def _text(value: Any) -> str:
    return value.text if isinstance(value, QuotedString) else Transformer.str(value)


@dataclasses.dataclass(frozen=True)
class _Parent:
    """An option that may be null.

    Attributes:
        name: Its name.
        has_options: Whether there are options below it where it is not null.
    """

    name: str
    has_options: bool


def _nullable_parent(name: str, schema: type) -> _Parent | None:
    """Finds the first option above the named one that may be null."""
    kind: Any = schema
    parts = name.split(".")
    for length, part in enumerate(parts[:-1], start=1):
        kind = get_type_hints(kind).get(part)
        if isinstance(kind, types.UnionType):
            return _Parent(".".join(parts[:length]), any(map(dataclasses.is_dataclass, get_args(kind))))
        if not dataclasses.is_dataclass(kind):
            return None
    return None


def _check_parents(overrides: Sequence[Override], schema: type, config_folder: Path) -> None:
    """Refuses ``dataset=dfew dataset.synthetic.seed=3``: the recipe of another data set is null, and has no seed."""
    chosen = {override.key_or_group: _values(override) for override in overrides}
    for name in chosen:
        parent = _nullable_parent(name, schema)
        if parent is None:
            continue
        group = parent.name.partition(".")[0]
        if group in chosen:
            paths = {choice: config_folder / group / f"{choice}.yaml" for choice in chosen[group]}
            without = [f" with {group}={choice}" for choice, path in paths.items() if _leaves_null(path, parent.name)]
        else:
            without = [] if parent.has_options else [""]  # the group's default has them
        if without:
            raise UserError(f"there is no option {name}{without[0]}: {parent.name} is null or one value; leave it out")


def _leaves_null(path: Path, option: str) -> bool:
    """Tells whether the file of a choice is there and leaves an option null."""
    return path.is_file() and OmegaConf.select(OmegaConf.load(path), option) is None


# The package that a choice needs, and the extra of micacl that installs it.
_NEEDED = {
    "hydra/launcher=gpus": ("hydra-joblib-launcher", "gpus"),
    "hydra/launcher=slurm": ("hydra-submitit-launcher", "slurm"),
    "experiment=search": ("optuna", "search"),
    "hydra/sweeper=search": ("optuna", "search"),
}


def _check_packages(overrides: Sequence[Override]) -> None:
    """Names the package that is missing, where Hydra would say that a file or a class is."""
    choices = [f"{override.key_or_group}={value}" for override in overrides for value in _values(override)]
    for choice in filter(_NEEDED.__contains__, choices):
        package, extra = _NEEDED[choice]
        try:
            version(package)
        except PackageNotFoundError:
            raise UserError(
                f'{choice} needs {package}, which is not installed: python -m pip install "micacl[{extra}]"'
            ) from None


def _check_common_folder(overrides: Sequence[Override]) -> None:
    """Refuses processes that torchrun or srun has started, each of which would name the folder after its own second."""
    if launcher_rank() is not None and not any(override.key_or_group == "hydra.run.dir" for override in overrides):
        raise UserError("processes that train together share one run folder: name it, hydra.run.dir=runs/NAME")
