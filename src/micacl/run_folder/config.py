"""Reads the config.yaml of runs: what they share and where they differ."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from micacl.errors import UserError
from micacl.run_folder.record import Run

CONFIG_FILE = "config.yaml"


def read_config(run: Run) -> dict[str, str]:
    """A run's resolved config, flat: `training.batch_size` and so on, each value as text.

    Args:
        run: The run whose config to read.

    Raises:
        UserError: If the file is missing or damaged.
    """
    return read_options(run.folder)


def read_options(folder: Path) -> dict[str, str]:
    """As `read_config`, of the run in a folder."""
    return dict(flat(read_nested(folder / CONFIG_FILE)))


def read_nested(path: Path) -> dict[Any, Any]:
    """The options of a config.yaml as they are nested in it, as data: nothing that it names is made or called.

    Args:
        path: The file.

    Raises:
        UserError: If the file is missing or damaged, or is not as a run wrote it.
    """
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
    """Plain values alone: a few lines of aliases of aliases stand for a text of gigabytes, and no run writes any."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(
                None, None, "it holds an alias, which no run writes", self.peek_event().start_mark
            )
        return super().compose_node(parent, index)


def flat(options: Mapping[object, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The options by name, `training.batch_size` and so on, each with its value as text."""
    for name, value in options.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", "null" if value is None else str(value)


def differences(configs: Sequence[Mapping[str, str]]) -> dict[str, tuple[str | None, ...]]:
    """The options that are not the same in all configs, each with its value in every config; None where it is absent.

    Args:
        configs: Flat ones.
    """
    names = dict.fromkeys(name for config in configs for name in config)
    values = {name: tuple(config.get(name) for config in configs) for name in names}
    return {name: row for name, row in values.items() if len(set(row)) > 1}
