"""Options below one that is null, which Hydra answers with a traceback."""

import dataclasses
import types
from collections.abc import Sequence
from pathlib import Path
from typing import get_args, get_type_hints

from omegaconf import OmegaConf

from micacl.errors import UserError


def check_null_options(arguments: Sequence[str], schema: type, config_folder: Path) -> None:
    """Refuses ``dataset=dfew dataset.synthetic.seed=3``: of another data set the recipe is null, and has no seed.

    Args:
        arguments: of the command line.
        schema: the types of its options.
        config_folder: where the groups are.

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
