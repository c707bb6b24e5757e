"""Trains a network with a loss, and measures its rates: the LightningModule.

Shapes: B clips in a batch, F frames in a clip, H by W pixels, K classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from micacl.errors import UserError
from micacl.models import HasInstanceWeights, Network
from micacl.run_folder.clip_lists import NON_FINITE_FILE
from micacl.training.epoch_figures import EpochFigures, HasFigures
from micacl.training.predictions import (
    ClipPredictions,
    InstanceWeights,
    Predictions,
    Rates,
    recognition_rates,
)
from micacl.training.random_state import random_state, set_random_state
from micacl.training.schedule import learning_rate_factor


@dataclass(frozen=True)
class Optimization:
    """AdamW and its schedule.

    Attributes:
        learning_rate: The peak of the schedule.
        min_learning_rate: The learning rate at the end of the cosine.
        weight_decay: AdamW's weight decay, on every parameter.
        warmup_epochs: The number of epochs of linear warm-up.
        gradient_clip_norm: The largest norm of all gradients together.
    """

    learning_rate: float
    min_learning_rate: float
    weight_decay: float
    warmup_epochs: float
    gradient_clip_norm: float


class NonFiniteLossError(UserError):
    """The loss of a step is NaN or infinite.

    Attributes:
        step: The number of optimiser steps before it.
        index_B: Positions of the batch's clips in the training split.
        terms: The loss term by term.
    """

    def __init__(self, step: int, index_B: Sequence[int], terms: Mapping[str, float]) -> None:
        listed = ", ".join(f"{name} {value:g}" for name, value in terms.items())
        super().__init__(
            f"the loss is not finite at step {step} ({listed}). The clips of that batch are listed in "
            f"{NON_FINITE_FILE} in the run folder. Look at them, or try a lower training.learning_rate or "
            "trainer.precision=32-true."
        )
        self.step = step
        self.index_B = list(index_B)
        self.terms = dict(terms)


class ExpressionModule(LightningModule):
    """Trains a network with a loss and measures WAR, UAR and per-class recall.

    Args:
        network: The network, a ``torch.nn.Module``.
        loss: A loss with the call of :class:`micacl.losses.MCCLLoss`.
        class_names: The K classes, in the order of the labels.
        optimization: AdamW and its schedule.
        validation_name: The name of the validation split: "test" if the protocol tests every epoch, else "validation".
    """

    def __init__(
        self,
        network: Network,
        loss: nn.Module,
        class_names: Sequence[str],
        optimization: Optimization,
        validation_name: str,
    ) -> None:
        super().__init__()
        assert isinstance(network, nn.Module)
        self.network = network
        self.loss = loss
        self.class_names = list(class_names)
        self.optimization = optimization
        self.validation_name = validation_name
        self.figures = EpochFigures()
        self.collected = ClipPredictions()
        self.collected_weights = InstanceWeights()
        self.test_predictions: Predictions | None = None
        self.test_instance_weights: Tensor | None = None
        self._random_state: dict[str, Any] | None = None

    def on_train_start(self) -> None:
        """Restores the random state of a resumed run, now that nothing else draws before the first step."""
        if self._random_state is not None:
            set_random_state(self._random_state, self.device)
            self._random_state = None

    def on_train_epoch_start(self) -> None:
        """Resets the figures; Lightning does not call this if a run resumes inside an epoch."""
        self.figures.reset()

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Returns the total loss of a batch and adds its terms to the epoch's figures."""
        output = self.network(batch["clip"])
        terms: dict[str, Tensor] = self.loss(*output, batch["label"], self.network.head)
        if not torch.isfinite(terms["total"]):
            values = {name: float(term.detach()) for name, term in terms.items()}
            raise NonFiniteLossError(self.global_step, batch["index"].tolist(), values)
        for name, term in terms.items():
            self.figures.add(f"train/{name}", term, weight=len(batch["label"]))
        self.figures.replace("learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        for part in (self.network, self.loss):
            if isinstance(part, HasFigures):
                for name, value in part.figures().items():
                    self.figures.replace(name, value)
        return terms["total"]

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Collects the predictions of a batch."""
        self._collect(batch)

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Collects the predictions of a batch, and its instance weights if the network has them."""
        self._collect(batch)
        if isinstance(self.network, HasInstanceWeights):
            weight_BT = self.network.instance_weights(batch["clip"])
            if weight_BT is not None:
                self.collected_weights.update(batch["index"], weight_BT)

    def on_validation_epoch_end(self) -> None:
        """Logs WAR, UAR and the recalls."""
        self._log_rates(self._drain())

    def on_test_epoch_end(self) -> None:
        """Keeps the predictions of the test split, and the instance weights, for the run folder."""
        self.test_predictions = self._drain()
        if self.collected_weights.update_called:
            self.test_instance_weights = self.collected_weights.compute()
            self.collected_weights.reset()

    def _collect(self, batch: dict[str, Tensor]) -> None:
        output = self.network(batch["clip"])
        self.collected.update(batch["index"], batch["label"], output.logits_BK, output.features_BC)

    def _drain(self) -> Predictions:
        predictions: Predictions = self.collected.compute()
        self.collected.reset()
        return predictions

    def _log_rates(self, predictions: Predictions) -> None:
        rates: Rates = recognition_rates(predictions)
        # Every process has computed the same rates from all predictions: nothing is left to reduce.
        self.log(f"{self.validation_name}/war", rates.war, prog_bar=True, rank_zero_only=True)
        self.log(f"{self.validation_name}/uar", rates.uar, prog_bar=True)
        for class_name, recall in zip(self.class_names, rates.recall_K, strict=True):
            self.log(f"{self.validation_name}/recall_{class_name}", recall)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Builds AdamW with linear warm-up and a cosine, by step (Section IV-A)."""
        settings = self.optimization
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        total_steps = int(self.trainer.estimated_stepping_batches)
        warmup_steps = round(total_steps * settings.warmup_epochs / max(1, self.trainer.max_epochs or 1))

        def factor(step: int) -> float:
            return learning_rate_factor(
                step, warmup_steps, total_steps, settings.learning_rate, settings.min_learning_rate
            )

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(self, *args: Any, **kwargs: Any) -> None:
        """Clips the norm; Lightning refuses to with a fused optimiser, because of a gradient scaler we do not use."""
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), self.optimization.gradient_clip_norm)
        self.figures.add("train/gradient_norm", norm, weight=1)

    def epoch_figures(self) -> dict[str, float]:
        """Returns the figures of the epoch's training steps so far, over all processes."""
        means = self.figures.means()
        values = self._over_processes(means)
        return {name: float(value) for name, value in values.items()} | self.figures.newest()

    def _over_processes(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """Averages each value over the processes, in one exchange; all have seen the same number of clips."""
        if self.trainer.world_size == 1 or not values:
            return values
        stacked = torch.stack([value.to(self.device) for value in values.values()])
        mean: Tensor = self.trainer.strategy.reduce(stacked, reduce_op="mean")
        return dict(zip(values, mean, strict=True))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds the classes and the state that Lightning leaves out, as plain values that ``weights_only`` can read."""
        checkpoint["class_names"] = self.class_names
        epochs: Any = self.trainer.fit_loop.epoch_progress.current
        checkpoint["epochs_done"] = epochs.processed
        checkpoint["random_states"] = self._of_every_process(random_state(self.device))
        figures = self.figures.state_dict()
        checkpoint["figures"] = figures | {"sums": self._each_process(figures["sums"])}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restores what ``on_save_checkpoint`` has added."""
        states = checkpoint["random_states"]
        self._random_state = states[self.trainer.global_rank % len(states)]
        figures = checkpoint["figures"]
        own = {name: self._own(sums_P) for name, sums_P in figures["sums"].items()}
        self.figures.load_state_dict(figures | {"sums": own})

    def _each_process(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """Gathers each value of all P processes, shape (P,), in one exchange; with one process it stays 0-d."""
        if self.trainer.world_size == 1 or not values:
            return values
        stacked_V = torch.stack([value.to(self.device) for value in values.values()])
        all_PV: Tensor = self.trainer.strategy.all_gather(stacked_V)
        return dict(zip(values, all_PV.unbind(1), strict=True))

    def _own(self, sums_P: Tensor) -> Tensor:
        """Picks this process's own sum, so that resuming is exact; the mean if the number of processes has changed."""
        if sums_P.ndim == 0:
            return sums_P
        return sums_P[self.trainer.global_rank] if len(sums_P) == self.trainer.world_size else sums_P.mean()

    def _of_every_process(self, value: dict[str, Any]) -> list[dict[str, Any]]:
        if self.trainer.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.trainer.world_size
        torch.distributed.all_gather_object(values, value)
        return values
