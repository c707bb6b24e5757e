"""Follows a training: writes the table of epochs, measures the wait for data, shows the progress."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.utilities import rank_zero_only

from micacl.run_folder.metrics import write_metrics
from micacl.training.module import ExpressionModule

log = logging.getLogger(__name__)


class DataWait(Callback):
    """Measures the share of an epoch that is spent waiting for data, and logs it as ``data_wait``.

    The wait is the time between the end of one step and the beginning of the next, in which the trainer fetches a
    batch and moves it to the device. The first step of an epoch is left out: its wait is the start of the workers.
    """

    def __init__(self) -> None:
        self._waiting = self._working = 0.0
        self._last_end: float | None = None

    def state_dict(self) -> dict[str, Any]:
        """Returns the seconds of the current epoch, for a run that resumes inside it."""
        return {"waiting": self._waiting, "working": self._working}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the seconds of the run that is resumed."""
        self._waiting, self._working = state_dict["waiting"], state_dict["working"]

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Resets the clocks."""
        self._waiting = self._working = 0.0
        self._last_end = None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Ends a wait."""
        self._start = time.perf_counter()
        if self._last_end is not None:
            self._waiting += self._start - self._last_end

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Begins a wait."""
        if self._last_end is not None:
            self._working += time.perf_counter() - self._start
        self._last_end = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Logs the share."""
        total = self._waiting + self._working
        pl_module.log("data_wait", self._waiting / total if total else 0.0)


class EpochProgressBar(RichProgressBar):
    """Shows Lightning's progress bar with WAR and UAR so far, without the logger's version number."""

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """Returns the figures beside the bar."""
        metrics = super().get_metrics(trainer, pl_module)
        return {name: value for name, value in metrics.items() if name != "v_num"}


class EpochTable(Callback):
    """Writes ``metrics.csv`` with a row per epoch, prints a line per row, and passes each row on.

    Args:
        folder: The run folder.
        validation_name: The prefix of the validation metrics.
        log_row: A function that gets each row once; in a resumed run first the rows from before.
    """

    def __init__(
        self, folder: Path, validation_name: str, log_row: Callable[[Mapping[str, float]], None] | None = None
    ) -> None:
        self.folder = folder
        self.validation_name = validation_name
        self.rows: list[dict[str, float]] = []
        self._log_row = log_row
        self._num_logged = 0
        self._start = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Adds the epoch's row. Lightning has validated before."""
        assert isinstance(pl_module, ExpressionModule)
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()} | pl_module.epoch_figures()
        row: dict[str, float] = {
            "epoch": trainer.current_epoch + 1,
            "step": trainer.global_step,
            "seconds": self._seconds(),
            **dict(sorted(metrics.items())),
        }
        self.rows.append(row)
        self._write(trainer.max_epochs or 0)

    def state_dict(self) -> dict[str, Any]:
        """Returns the rows so far and the seconds that they took, so that a resumed run's table is complete."""
        return {"rows": self.rows, "seconds": self._seconds()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores the rows of the run that is resumed."""
        self.rows = list(state_dict["rows"])
        self._start = time.monotonic() - state_dict["seconds"]

    def _seconds(self) -> float:
        return round(time.monotonic() - self._start, 1)

    @rank_zero_only
    def _write(self, num_epochs: int) -> None:
        write_metrics(self.folder, self.rows)
        if self._log_row is not None:
            for row in self.rows[self._num_logged :]:
                self._log_row(row)
            self._num_logged = len(self.rows)
        row = self.rows[-1]
        log.info(
            f"epoch {row['epoch']:>{len(str(num_epochs))}.0f}/{num_epochs}  "
            f"loss {row['train/total']:.3f}  "
            f"{self.validation_name} WAR {row[f'{self.validation_name}/war']:6.2%}  "
            f"UAR {row[f'{self.validation_name}/uar']:6.2%}  "
            f"waited for data {row['data_wait']:.1%}  "
            f"after {row['seconds']:.0f} s"
        )
