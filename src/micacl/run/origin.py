"""The run that wrote a checkpoint, as far as its folder tells, and the settings to test the checkpoint with."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from micacl.errors import UserError
from micacl.run_folder.config import CONFIG_FILE, read_config
from micacl.run_folder.names import CHECKPOINTS_FOLDER
from micacl.run_folder.record import RUN_FILE, Run, read_run
from micacl.settings import Settings

log = logging.getLogger(__name__)

# What the network is, how it was trained and what it sees. The rest is the machine's.
_TAKEN = (
    "model", "loss", "ablation", "training", "dataset", "cache.size", "cache.frames", "fold", "seed",
    "trainer.precision",
)  # fmt: skip
_THE_MACHINES = ("dataset.num_workers", "model.backbone.weights")
# Groups bring a value of these along, which nobody means who names the group.
_BY_NAME_ALONE = ("dataset.size", "trainer.precision")
_PATHS = ("dataset.root", "dataset.train_list", "dataset.test_list")
_NETWORK = ("model.", "ablation.geiim", "ablation.wian")


@dataclass(frozen=True)
class TestedRun:
    """The run that wrote a checkpoint.

    Attributes:
        name: That of its folder, or of its sweep's folder: runs of one sweep can be averaged.
        config: Its options by name, ``model.num_frames`` and so on.
        record: Its ``run.json``; None where it has left none.
    """

    name: str
    config: Mapping[str, Any]
    record: Run | None


def tested_run(checkpoint: Path) -> TestedRun | None:
    """Reads the run folder that a checkpoint lies in, as data: nothing that it names is made or called.

    Args:
        checkpoint: ``RUN/checkpoints/last.ckpt``, say.

    Returns:
        None for a checkpoint that lies elsewhere.

    Raises:
        UserError: If a file of that run is damaged.
    """
    place = checkpoint.resolve().parent
    folder, path = place.parent, place.parent / CONFIG_FILE
    if place.name != CHECKPOINTS_FOLDER or not path.is_file():
        return None
    config = dict(_leaves(read_config(folder)))
    for name, value in config.items():
        text = f"{name}: {value}"
        if "${" in text or "???" in text or "_target_" in text:  # a run writes its config whole, resolved and plain
            raise UserError(f"{path} is not as a run wrote it: {name} is {value!r}")
    name = folder.parent.name if folder.name.isdecimal() else folder.name
    return TestedRun(name, config, read_run(folder) if (folder / RUN_FILE).is_file() else None)


def settings_to_test(settings: Settings, given: frozenset[str], run: TestedRun) -> Settings:
    """Takes from the run what its network is, how it was trained and what it sees, except what the command line names.

    The data set and the fold are the run's too, unless another is named; the fold of another data set is not.

    Args:
        settings: The command line's.
        given: The options and groups that it names.
        run: The run that wrote the checkpoint.

    Raises:
        UserError: If the run's config does not fit this version, or an experiment is named.
    """
    if "experiment" in given:
        raise UserError(
            "an experiment says how to train, and the folder of the checkpoint says how it was; leave out experiment="
        )
    own = OmegaConf.structured(settings)
    other_data = settings.dataset.name != run.config.get("dataset.name") and _named("dataset.name", given)
    for name, value in run.config.items():
        if not name.startswith(_TAKEN) or name in _THE_MACHINES or (other_data and name == "fold"):
            continue
        if not _named(name, given):
            _check_path(name, value, run.name)
            _take(own, name, value, run.name)
        elif name.startswith(_NETWORK) and OmegaConf.select(own, name) != value:
            log.warning(f"{name}={OmegaConf.select(own, name)} is not the {value} that {run.name} was trained with.")
    try:
        taken = OmegaConf.to_object(own)
    except OmegaConfBaseException as error:
        raise UserError(f"the config of {run.name} does not fit this version of micacl: {error}") from error
    assert isinstance(taken, Settings)
    return taken


def _check_path(name: str, value: Any, run: str) -> None:
    """The folder may be a stranger's: it must not choose which of this user's files are read."""
    if name in _PATHS and value is not None:
        raise UserError(
            f"the config of {run} reads its data from {name}={value}, and a run folder's paths are not followed, since "
            f"it may be someone else's: say where your copy lies, {name}=..."
        )


def _take(own: Any, name: str, value: Any, run: str) -> None:
    try:
        OmegaConf.update(own, name, value)
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"the config of {run} does not fit this version of micacl: {name}={value}: {reason}") from error


def _named(name: str, given: frozenset[str]) -> bool:
    """Whether the command line names an option, or a group that it is of."""
    if name in _BY_NAME_ALONE:
        return name in given
    return any(name == option or name.startswith(f"{option}.") for option in given)


def _leaves(options: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
