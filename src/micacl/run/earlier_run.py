"""What a run folder holds already: nothing, a finished run, or one that the same command goes on with."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from micacl.errors import OccupiedFolderError
from micacl.run_folder.config import differences, flat, read_options
from micacl.run_folder.record import RUN_FILE
from micacl.training.checkpoints.reading import newest_checkpoint
from micacl.training.checkpoints.tensors import ReadCheckpoint

# Where and how fast a run is done, not what comes out of it.
_MAY_DIFFER = (
    "ckpt_path", "cache.dir", "dataset.decode", "dataset.num_workers", "dataset.root", "logger", "trainer.accelerator",
    "trainer.checkpoint_minutes", "trainer.compile", "trainer.devices", "trainer.num_nodes", "trainer.strategy",
)  # fmt: skip
_SHOWN = 5


@dataclass(frozen=True)
class EarlierRun:
    """What an earlier start of a run has left.

    Attributes:
        record: Its ``run.json``; empty if that is damaged.
        checkpoint: What to go on from; None where it had saved nothing, or has finished.
    """

    record: dict[str, Any]
    checkpoint: ReadCheckpoint | None

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.record.get("status") == "finished"


def earlier_run(folder: Path, config_yaml: str) -> EarlierRun:
    """Reads what a run folder holds, as data: nothing that it names is made or called.

    Args:
        folder: The run folder.
        config_yaml: The config of the run that is to be done there.

    Raises:
        OccupiedFolderError: If it holds a run with other options, which would be lost.
    """
    record = _read_record(folder / RUN_FILE)
    finished = record.get("status") == "finished"
    checkpoint = None if finished else newest_checkpoint(folder / "checkpoints")
    if finished or checkpoint is not None:
        _check_same_options(folder, config_yaml)
    return EarlierRun(record, checkpoint)


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # there is none, or it is damaged: the checkpoint decides
        return {}
    return record if isinstance(record, dict) else {}


def _check_same_options(folder: Path, config_yaml: str) -> None:
    different = {
        name: values
        for name, values in differences([read_options(folder), dict(flat(yaml.safe_load(config_yaml)))]).items()
        if not name.startswith(_MAY_DIFFER)
    }
    if different:
        shown = [f"{name} is {theirs} there and {ours} here" for name, (theirs, ours) in different.items()][:_SHOWN]
        more = f"; and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        raise OccupiedFolderError(
            f"{folder} holds a run with other options: {'; '.join(shown)}{more}. Name another folder, or delete it."
        )
