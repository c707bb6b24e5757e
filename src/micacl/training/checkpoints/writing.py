"""Saves checkpoints that survive a power cut at any moment.

``last.ckpt`` lets a run resume from any step, even mid-epoch; ``best.safetensors`` is the network of the best epoch.
"""

import logging
import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from lightning import LightningModule, Trainer
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_only

from micacl.errors import UserError
from micacl.files import replacing
from micacl.process.stop import Stopped, StopRequest
from micacl.training.checkpoints.tensors import BEST, LAST, PREVIOUS, SUFFIX, ReadCheckpoint, write_network

log = logging.getLogger(__name__)


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint to a temporary file, fsyncs, then renames; and reads none a second time.

    The ``last.ckpt`` that it replaces is kept as ``previous.ckpt``. Lightning's own class collects a checkpoint in
    memory, copies it twice and does not fsync: for R3D-18 with AdamW's state that took five times as long.

    Args:
        about: Metadata of a safetensors file.
    """

    def __init__(self, about: Mapping[str, str]) -> None:
        super().__init__()
        self._about = about
        self._read: ReadCheckpoint | None = None

    def hand_over(self, checkpoint: ReadCheckpoint) -> None:
        """Keeps a checkpoint that was read already for the trainer, which will ask for it by its path."""
        self._read = checkpoint

    def load_checkpoint(self, path: str | Path, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Returns the checkpoint that was handed over, once, and reads any other."""
        if self._read is not None and self._read.path == Path(path) and self._read.content:
            return self._read.take()
        return super().load_checkpoint(path, *args, **kwargs)

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Saves a checkpoint, or the network alone if the file is to be a safetensors file.

        Raises:
            UserError: If the folder cannot be written to, or the disk is full.
        """
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"Cannot write {path}: {error.strerror or error}.") from error
        with replacing(path) as temporary:
            self._write(checkpoint, temporary)
            if path.name == LAST and path.is_file():
                path.replace(path.with_name(PREVIOUS))
        _sync_folder(path.parent)

    def _write(self, checkpoint: dict[str, Any], path: Path) -> None:
        with path.open("wb") as file:
            if path.suffix == SUFFIX:
                write_network(checkpoint, self._about, file)
            else:
                _save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())


def _save(checkpoint: dict[str, Any], file: BinaryIO) -> None:
    try:
        torch.save(checkpoint, file)
    except RuntimeError as error:
        # On a full disk torch still closes its archive, and the error of closing hides the first.
        cause = error.__context__
        raise cause if isinstance(cause, OSError) else error from None


def _sync_folder(folder: Path) -> None:
    """Fsyncs the folder, so that the new names are on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# The progress of a validation that has not begun: with it Lightning starts a resumed validation from its first batch.
_NOTHING_VALIDATED = {
    "total": {"ready": 1, "started": 1, "processed": 0, "completed": 0},
    "current": {"ready": 0, "started": 0, "processed": 0, "completed": 0},
    "is_last_batch": False,
}


class LastCheckpoint(Checkpoint):
    """Saves ``last.ckpt`` after each epoch, every few minutes inside one, and when a signal asks the run to end.

    Inside an epoch it is saved after a step, or after a batch of the validation, which a resumed run starts again.

    Args:
        folder: The checkpoints folder.
        minutes: The time between two checkpoints inside an epoch.
        request: What a signal has asked for.
    """

    def __init__(self, folder: Path, minutes: float, request: StopRequest) -> None:
        self.path = folder / LAST
        self._seconds = 60 * minutes
        self._request = request
        self._last_time = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Installs the signal handlers again, since Lightning's would leave without saving, and starts the clock."""
        self._request.listen()
        self._last_time = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Saves if it is time, and leaves if asked to."""
        if not trainer.is_last_batch:  # it is followed by the validation, whose batches ask again
            self._save_if_needed(trainer)

    def on_validation_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Saves if it is time, and leaves if asked to."""
        self._save_if_needed(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Saves, and leaves if asked to."""
        self._save(trainer)
        stop, _ = self._agreed(trainer)
        if stop:
            self._leave(trainer)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Lets a run that resumes inside a validation start it again: its predictions so far are not saved."""
        if trainer.validating:
            checkpoint["loops"]["fit_loop"]["epoch_loop.val_loop.batch_progress"] = _NOTHING_VALIDATED

    def _save_if_needed(self, trainer: Trainer) -> None:
        stop, due = self._agreed(trainer)
        if stop or due:
            self._save(trainer)
        if stop:
            self._leave(trainer)

    def _agreed(self, trainer: Trainer) -> tuple[bool, bool]:
        """Agrees on whether to stop, if any process was asked to, and to save, if it is time on the first."""
        stop = self._request.signal is not None
        due = trainer.is_global_zero and time.monotonic() - self._last_time >= self._seconds
        if trainer.world_size == 1:
            return stop, due
        votes = torch.tensor([stop, due], dtype=torch.float32, device=trainer.strategy.root_device)
        stop, due = (trainer.strategy.reduce(votes, reduce_op="sum") > 0).tolist()
        return stop, due

    def _save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self.path, weights_only=False)
        self._last_time = time.monotonic()

    def _leave(self, trainer: Trainer) -> None:
        if trainer.is_global_zero:
            log.info(f"saved epoch {trainer.current_epoch + 1}, step {trainer.global_step} in {self.path}")
        raise Stopped(self._request.signal or signal.SIGTERM)  # the signal may have come to another process


class BestCheckpoint(ModelCheckpoint):
    """Saves the network of the epoch with the highest UAR as ``best.safetensors``.

    A resumed run keeps the best epoch from before; Lightning forgets it in a new folder.

    Args:
        folder: The checkpoints folder.
        validation_name: The prefix of the validation metrics.
    """

    FILE_EXTENSION = SUFFIX

    def __init__(self, folder: Path, validation_name: str) -> None:
        super().__init__(
            folder,
            filename="best",
            monitor=f"{validation_name}/uar",
            mode="max",
            save_weights_only=True,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
        self._resumed_from = folder

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Remembers where to look for the best epoch: beside the checkpoint, whatever path its content names."""
        if trainer.ckpt_path is not None:
            self._resumed_from = Path(trainer.ckpt_path).absolute().parent

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the best epoch of the run that is resumed."""
        assert self.dirpath is not None
        if not state_dict["best_model_path"]:  # it was interrupted in its first epoch
            return
        saved, own = self._resumed_from / BEST, Path(self.dirpath) / BEST
        if saved.is_file():
            if saved.resolve() != own.resolve() and getattr(rank_zero_only, "rank", 0) == 0:
                own.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(saved, own)
            best = {"best_model_path": str(own), "kth_best_model_path": str(own), "dirpath": self.dirpath}
            score = {"best_k_models": {str(own): state_dict["best_model_score"]}}
            super().load_state_dict({**state_dict, **best, **score})
        else:
            log.warning(f"{saved} is gone: the best epoch is sought among those that follow")
