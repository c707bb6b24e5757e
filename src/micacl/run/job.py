"""Describes a run as the command line started it: its folder, its setting, its config."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """One run, alone or in a sweep.

    Attributes:
        folder: The run folder.
        setting: The overrides that set it apart from the default config, without fold, seed, machine and paths: runs
            of one setting are averaged. "default" where there are none.
        sweep: The name of the sweep that it belongs to, or None.
        config_yaml: The resolved config.
        repeatable: Whether the same command leads to the same folder, because its name holds no time stamp.
        given: The options and groups that the command line names: ``fold``, ``dataset``, ``model.num_frames``.
    """

    folder: Path
    setting: str
    sweep: str | None
    config_yaml: str
    repeatable: bool
    given: frozenset[str]
