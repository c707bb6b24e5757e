"""Checkpoint files that are whole, whenever the power goes."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from micacl.atomic import replacing
from micacl.training.weights_file import SUFFIX, write_network


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place, has it on the disk, and then renames it.

    Lightning's own way collects a checkpoint in memory, copies it twice and does not wait for the disk: for R3D-18
    with AdamW's state that took five times as long.

    Args:
        about: What a file of the network alone says of it.
    """

    def __init__(self, about: Mapping[str, str]) -> None:
        super().__init__()
        self._about = about

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Saves a checkpoint; of one that is to be a safetensors file, the network alone.

        Raises:
            UserError: If the folder cannot be written to, or the disk is full.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            if path.suffix == SUFFIX:
                write_network(checkpoint, self._about, file)
            else:
                torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
