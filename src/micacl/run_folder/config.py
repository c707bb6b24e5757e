"""Writes and reads ``config.yaml``, the resolved options of a run, and finds where the options of runs differ."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from micacl.errors import UserError
from micacl.files import replacing

CONFIG_FILE = "config.yaml"


def write_config(folder: Path, config_yaml: str) -> None:
    """Writes ``config.yaml``, whole or not at all.

    Args:
        folder: The run folder.
        config_yaml: The resolved options as YAML.

    Raises:
        UserError: If the folder cannot be written to.
    """
    with replacing(folder / CONFIG_FILE) as partial:
        partial.write_text(config_yaml, encoding="utf-8")


def read_options(folder: Path) -> dict[str, str]:
    """Reads the options of a run, flat: `training.batch_size` and so on, each value as text.

    Args:
        folder: The run folder.

    Raises:
        UserError: If the file is missing or damaged.
    """
    return dict(flat(read_config(folder)))


def read_config(folder: Path) -> dict[Any, Any]:
    """Reads the options of a run, nested as they are in the file. Nothing that the file names is constructed or called.

    Args:
        folder: The run folder.

    Raises:
        UserError: If the file is missing or damaged, or a run cannot have written it.
    """
    path = folder / CONFIG_FILE
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _WithoutAliases)
    except FileNotFoundError:
        raise UserError(f"{path} is missing.") from None
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged and cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged: it holds no options.")
    return content


class _WithoutAliases(yaml.SafeLoader):
    """Loads plain values only: no run writes an alias, and a few lines of nested aliases expand to gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(
                None, None, "it holds an alias, which no run writes", self.peek_event().start_mark
            )
        return super().compose_node(parent, index)


def flat(options: Mapping[object, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yields the options by name, `training.batch_size` and so on, each with its value as text."""
    for name, value in options.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", "null" if value is None else str(value)


def differences(configs: Sequence[Mapping[str, str]]) -> dict[str, tuple[str | None, ...]]:
    """Finds the options that are not the same in all configs.

    Args:
        configs: Flat configs, as `read_options` returns them.

    Returns:
        For each such option its value in every config; None where a config lacks it.
    """
    names = dict.fromkeys(name for config in configs for name in config)
    values = {name: tuple(config.get(name) for config in configs) for name in names}
    return {name: row for name, row in values.items() if len(set(row)) > 1}
