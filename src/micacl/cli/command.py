"""The machinery behind every command: finds configs, expands ranges, shows errors without traceback, sums up sweeps."""

import functools
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from micacl.build.cache_dir import keep_libraries_there
from micacl.cli.gpus import num_gpus
from micacl.cli.mistakes import check_command_line
from micacl.cli.ranges import expand_ranges
from micacl.cli.sweep import SweepFolder, show_sweep
from micacl.errors import UserError
from micacl.process.scheduler import launcher_rank
from micacl.process.stop import Stopped
from micacl.run.job import Job
from micacl.settings import Settings, kind_of_override

SettingsT = TypeVar("SettingsT", bound=Settings)

log = logging.getLogger(__name__)

OmegaConf.register_new_resolver("num_gpus", num_gpus, replace=True)  # conf/hydra/launcher/gpus.yaml


class UsageError(CompactHydraException):
    """An error that Hydra shows as its message alone, and ends with status 1."""


def config_folder() -> Path:
    """Finds ``conf/``: in the package when it was built as a wheel, beside ``src/`` in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "conf"
    return installed if installed.is_dir() else package.parents[1] / "conf"


def command(
    config_name: str, schema: type[SettingsT], check: Callable[[SettingsT], None]
) -> Callable[[Callable[[SettingsT, Job], None]], Callable[[], None]]:
    """Turns a function of typed settings and a job into a command.

    The command reads its options from ``sys.argv``, sweeps with ``-m``, and ends with status 1 and one message when a
    :class:`UserError` is raised. After a sweep it shows and writes the table of its jobs, even if some have failed.

    Args:
        config_name: The name of the main config in ``conf/``.
        schema: The types of its options.
        check: Raises a :class:`UserError` if a single run cannot work, before the run has a folder. It should import
            nothing slow.
    """
    return functools.partial(_command, config_name, schema, check)


def _command(
    config_name: str,
    schema: type[SettingsT],
    check: Callable[[SettingsT], None],
    task: Callable[[SettingsT, Job], None],
) -> Callable[[], None]:
    def start(config: DictConfig) -> None:
        if launcher_rank():
            logging.disable(logging.WARNING)  # the first rank logs the same
        try:
            settings = _typed(config, schema)
            keep_libraries_there(settings)
            task(settings, _job(config))
        except UserError as error:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                log.error("This job stops: %s", error)  # Hydra reports failed jobs at the end only
            raise UsageError(f"Error: {error}") from error

    entry = hydra.main(version_base="1.3", config_path=str(config_folder()), config_name=config_name)(start)

    @functools.wraps(task)
    def run() -> None:
        try:
            sys.argv[1:] = expand_ranges(sys.argv[1:])
            check_command_line(sys.argv[1:], schema, config_folder())
        except UserError as error:
            sys.exit(f"Error: {error}")
        ConfigStore.instance().store(name="schema", node=schema)
        SweepFolder.check = lambda config: check(_typed(config, schema))
        stopped = False
        try:
            entry()
        except Stopped:
            stopped = True  # there is no time for a table
            raise
        finally:
            if SweepFolder.path is not None and not stopped:
                show_sweep(SweepFolder.path)

    return run


def _typed(config: DictConfig, schema: type[SettingsT]) -> SettingsT:
    try:
        settings = OmegaConf.to_object(config)
    except OmegaConfBaseException as error:  # a value is missing, or refers to an option that does not exist
        raise UserError(str(error)) from error
    assert isinstance(settings, schema)
    return settings


def _job(config: DictConfig) -> Job:
    hydra_config = HydraConfig.get()
    in_sweep = hydra_config.mode == RunMode.MULTIRUN
    overrides = list(hydra_config.overrides.task)
    distinctive = [override for override in overrides if makes_another_setting(override)]
    return Job(
        folder=Path(hydra_config.runtime.output_dir),
        setting=" ".join(distinctive) or "default",
        sweep=Path(hydra_config.sweep.dir).name if in_sweep else None,
        config_yaml=OmegaConf.to_yaml(config, resolve=True),
        repeatable=_repeatable(hydra_config),
        given=frozenset(map(_name, overrides)),
    )


def _repeatable(hydra_config: Any) -> bool:
    """Tells whether the same command leads to the same folder; submitit starts a requeued job in its first folder."""
    mode = hydra_config.sweep if hydra_config.mode == RunMode.MULTIRUN else hydra_config.run
    written: Any = OmegaConf.to_container(mode, resolve=False)
    return "${now:" not in written["dir"] or "submitit" in str(hydra_config.launcher)


def makes_another_setting(override: str) -> bool:
    """Tells whether runs that differ in an override are compared; runs that do not are averaged."""
    kind = kind_of_override(_name(override))
    return kind is None or kind.is_setting


def _name(override: str) -> str:
    """Returns the option or group that an override names."""
    return override.partition("=")[0].lstrip("+~")
