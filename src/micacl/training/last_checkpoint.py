"""Keeps all that is needed to go on from the last step that was saved, inside an epoch too."""

import logging
import signal
import time
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from micacl.stop import Stopped, StopRequest
from micacl.training.checkpoint_io import LAST

log = logging.getLogger(__name__)

# A validation that has seen nothing yet: Lightning takes a run that goes on with it back to its beginning.
_NOTHING_VALIDATED = {
    "total": {"ready": 1, "started": 1, "processed": 0, "completed": 0},
    "current": {"ready": 0, "started": 0, "processed": 0, "completed": 0},
    "is_last_batch": False,
}


class LastCheckpoint(Checkpoint):
    """Writes ``last.ckpt`` after each epoch, every few minutes inside one, and when a signal asks the run to end.

    Inside an epoch it is written after a step, or after a batch of the validation, which a resumed run begins anew.

    Args:
        folder: The checkpoints' folder.
        minutes: Between two checkpoints.
        request: What a signal has asked for.
    """

    def __init__(self, folder: Path, minutes: float, request: StopRequest) -> None:
        self.path = folder / LAST
        self._seconds = 60 * minutes
        self._request = request
        self._last_time = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Takes the signals back from Lightning, which would leave without saving, and looks at the clock."""
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
        """Lets a run that goes on inside a validation begin it anew: what it had predicted is not saved."""
        if trainer.validating:
            checkpoint["loops"]["fit_loop"]["epoch_loop.val_loop.batch_progress"] = _NOTHING_VALIDATED

    def _save_if_needed(self, trainer: Trainer) -> None:
        stop, due = self._agreed(trainer)
        if stop or due:
            self._save(trainer)
        if stop:
            self._leave(trainer)

    def _agreed(self, trainer: Trainer) -> tuple[bool, bool]:
        """Whether any process was asked to end, and whether the first finds that it is time: all must save together."""
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
