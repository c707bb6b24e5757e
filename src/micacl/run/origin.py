"""Reads the run folder that a checkpoint came from, and derives the settings to evaluate it with."""

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
from micacl.settings import Kind, Settings, kind_of, kind_of_override

log = logging.getLogger(__name__)

# The kinds of options that an evaluation takes over from the run. The protocol is not among them: nothing is chosen.
_TAKEN_OVER = (Kind.NETWORK, Kind.TRAINING, Kind.DATA, Kind.RUN)
# A checkpoint brings its weights with it.
_BACKBONE_WEIGHTS = "model.backbone.weights"


@dataclass(frozen=True)
class CheckpointOrigin:
    """The run that wrote a checkpoint.

    Attributes:
        name: The name of its folder, or of its sweep's folder: runs of one sweep can be averaged.
        config: Its options by name, ``model.num_frames`` and so on.
        record: Its ``run.json``; None where it has left none.
    """

    name: str
    config: Mapping[str, Any]
    record: Run | None


def checkpoint_origin(checkpoint: Path) -> CheckpointOrigin | None:
    """Reads the run folder that a checkpoint lies in, as data: nothing that it names is imported or called.

    Args:
        checkpoint: The file, such as ``RUN/checkpoints/last.ckpt``.

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
    return CheckpointOrigin(name, config, read_run(folder) if (folder / RUN_FILE).is_file() else None)


def settings_to_evaluate(settings: Settings, given: frozenset[str], origin: CheckpointOrigin) -> Settings:
    """Takes over the network, its training and its data from the run, except what the command line names.

    The data set and the fold are the run's too, unless another data set is named: its fold is then the command line's.

    Args:
        settings: The settings that the command line gives.
        given: The options and groups that it names.
        origin: The run that wrote the checkpoint.

    Raises:
        UserError: If the run's config does not fit this version, or an experiment is named.
    """
    if "experiment" in given:
        raise UserError(
            "an experiment says how to train, and the folder of the checkpoint says how it was; leave out experiment="
        )
    own = OmegaConf.structured(settings)
    other_data = settings.dataset.name != origin.config.get("dataset.name") and _is_named("dataset.name", given)
    for name, value in origin.config.items():
        if name == _BACKBONE_WEIGHTS or (other_data and name == "fold"):
            continue
        if _is_named(name, given):
            if _is_of_network_group(name) and OmegaConf.select(own, name) != value:
                chosen = OmegaConf.select(own, name)
                log.warning(f"{name}={chosen} is not the {value} that {origin.name} was trained with.")
        elif kind_of(name) in _TAKEN_OVER:
            _take_over(own, name, value, origin.name)
        else:
            _refuse_data_path(name, value, origin.name)
    try:
        taken = OmegaConf.to_object(own)
    except OmegaConfBaseException as error:
        raise UserError(f"the config of {origin.name} does not fit this version of micacl: {error}") from error
    assert isinstance(taken, Settings)
    return taken


def _refuse_data_path(name: str, value: Any, run: str) -> None:
    """Asks for paths of data: the folder may be a stranger's, which must not choose which of our files are read."""
    if kind_of(name) is Kind.PLACE and name.startswith("dataset.") and value is not None:
        raise UserError(
            f"the config of {run} reads its data from {name}={value}, and a run folder's paths are not followed, since "
            f"it may be someone else's: say where your copy lies, {name}=..."
        )


def _take_over(own: Any, name: str, value: Any, run: str) -> None:
    try:
        OmegaConf.update(own, name, value)
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"the config of {run} does not fit this version of micacl: {name}={value}: {reason}") from error


def _is_named(name: str, given: frozenset[str]) -> bool:
    """Tells whether the command line names an option, or a group that it belongs to.

    ``dataset=dfew`` and ``trainer=cpu`` bring a size of frames and a precision along, which nobody means by them.
    """
    if kind_of(name) is Kind.NETWORK and not _is_of_network_group(name):
        return name in given
    return any(name == option or name.startswith(f"{option}.") for option in given)


def _is_of_network_group(name: str) -> bool:
    return kind_of(name) is Kind.NETWORK and kind_of_override(name.partition(".")[0]) is Kind.NETWORK


def _leaves(options: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
