"""Finds out what a run folder holds already: nothing, a finished run, or one that the same command resumes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from micacl.errors import OccupiedFolderError, UserError
from micacl.run_folder.config import differences, flat, read_options
from micacl.run_folder.names import CHECKPOINTS_FOLDER
from micacl.run_folder.record import NewerFormatError, read_fields
from micacl.settings import Kind, kind_of
from micacl.training.checkpoints.reading import newest_checkpoint
from micacl.training.checkpoints.tensors import ReadCheckpoint

_SHOWN = 5


@dataclass(frozen=True)
class EarlierRun:
    """An earlier start of the same run.

    Attributes:
        record: Its ``run.json``; empty if that is damaged.
        checkpoint: The checkpoint to resume from; None where it had saved nothing, or has finished.
    """

    record: dict[str, Any]
    checkpoint: ReadCheckpoint | None

    @property
    def finished(self) -> bool:
        """Tells whether nothing is left to do."""
        return self.record.get("status") == "finished"


def earlier_run(folder: Path, config_yaml: str) -> EarlierRun:
    """Reads what a run folder holds, as data: nothing that it names is imported or called.

    Args:
        folder: The run folder.
        config_yaml: The config of the run that is about to start there.

    Raises:
        OccupiedFolderError: If it holds a run with other options, which would be lost, or one that a newer version
            of micacl wrote.
    """
    record = _read_record(folder)
    finished = record.get("status") == "finished"
    checkpoint = None if finished else newest_checkpoint(folder / CHECKPOINTS_FOLDER)
    if finished or checkpoint is not None:
        _check_same_options(folder, config_yaml)
    return EarlierRun(record, checkpoint)


def may_differ(name: str) -> bool:
    """Tells whether an option may have another value on resume, because it decides where and how fast a run runs."""
    return kind_of(name) in (Kind.MACHINE, Kind.PLACE)


def _read_record(folder: Path) -> dict[str, Any]:
    try:
        return read_fields(folder)
    except NewerFormatError as error:
        raise OccupiedFolderError(str(error)) from error
    except UserError:  # there is none, or it is damaged: the checkpoint decides
        return {}


def _check_same_options(folder: Path, config_yaml: str) -> None:
    theirs, ours = read_options(folder), dict(flat(yaml.safe_load(config_yaml)))
    different = {
        name: values
        for name, values in differences([theirs, ours]).items()
        # An option that the earlier version did not have yet cannot differ from anything.
        if name in theirs and not may_differ(name)
    }
    if different:
        shown = [f"{name} is {theirs} there and {ours} here" for name, (theirs, ours) in different.items()][:_SHOWN]
        more = f"; and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        raise OccupiedFolderError(
            f"{folder} holds a run with other options: {'; '.join(shown)}{more}. Name another folder, or delete it."
        )
