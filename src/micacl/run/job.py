"""What the command line tells a run about itself."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """One run, alone or in a sweep.

    Attributes:
        folder: Where it leaves its files.
        setting: What sets it apart from the default config, without the fold and the seed: runs of one setting are
            averaged. "default" where nothing does.
        sweep: Name of the sweep that it belongs to, or None.
        config_yaml: The resolved config.
        repeatable: Whether the same command leads to the same folder: its name holds no time stamp.
        given: Options and groups that the command line names: ``fold``, ``dataset``, ``model.num_frames``.
    """

    folder: Path
    setting: str
    sweep: str | None
    config_yaml: str
    repeatable: bool
    given: frozenset[str]
