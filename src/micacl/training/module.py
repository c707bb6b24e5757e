"""The LightningModule: network, loss, optimiser and the rates of each split.

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
from micacl.losses import MCCLLoss
from micacl.models import GEIIM, MICACL
from micacl.training.predictions import ClipPredictions, InstanceWeights, Predictions, Rates, recognition_rates
from micacl.training.schedule import learning_rate_factor


@dataclass(frozen=True)
class Optimisation:
    """AdamW and its schedule.

    Attributes:
        learning_rate: Peak of the schedule.
        min_learning_rate: Where the cosine ends.
        weight_decay: AdamW's, on every parameter.
        warmup_epochs: Epochs of linear warm-up.
        gradient_clip_norm: Largest norm of all gradients together.
    """

    learning_rate: float
    min_learning_rate: float
    weight_decay: float
    warmup_epochs: float
    gradient_clip_norm: float


class NonFiniteLossError(UserError):
    """The loss of a step is NaN or infinite.

    Attributes:
        step: Optimiser steps done before it.
        index_B: Positions of the batch's clips in the training split.
        terms: The loss term by term.
    """

    def __init__(self, step: int, index_B: Sequence[int], terms: Mapping[str, float]) -> None:
        listed = ", ".join(f"{name} {value:g}" for name, value in terms.items())
        super().__init__(
            f"the loss is not finite at step {step} ({listed}). The clips of that batch are listed in "
            "non_finite_batch.csv in the run folder. Look at them, or try a lower training.learning_rate or "
            "trainer.precision=32-true."
        )
        self.step = step
        self.index_B = list(index_B)
        self.terms = dict(terms)


class ExpressionModule(LightningModule):
    """Trains a network with a loss and measures WAR, UAR and per-class recall.

    Args:
        network: The network.
        loss: A loss with the call of :class:`micacl.losses.MCCLLoss`.
        class_names: The K classes, in the order of the labels.
        optimisation: AdamW and its schedule.
        validation_name: What the validation split is: "test" where the protocol tests every epoch, else "validation".
    """

    def __init__(
        self,
        network: MICACL,
        loss: nn.Module,
        class_names: Sequence[str],
        optimisation: Optimisation,
        validation_name: str,
    ) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.class_names = list(class_names)
        self.optimisation = optimisation
        self.validation_name = validation_name
        self.collected = ClipPredictions()
        self.collected_weights = InstanceWeights()
        self.test_predictions: Predictions | None = None
        self.test_instance_weights: Tensor | None = None

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Returns L_all of a batch and logs its terms."""
        output = self.network(batch["clip"])
        terms: dict[str, Tensor] = self.loss(*output, batch["label"], self.network.head)
        if not torch.isfinite(terms["total"]):
            values = {name: float(term.detach()) for name, term in terms.items()}
            raise NonFiniteLossError(self.global_step, batch["index"].tolist(), values)
        batch_size = len(batch["label"])
        self.log_dict(
            {f"train/{name}": term.detach() for name, term in terms.items()},
            on_step=False,
            on_epoch=True,
            batch_size=batch_size,
            sync_dist=True,
        )
        self.log("learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"], on_step=True, on_epoch=False)
        if isinstance(self.network.geiim, GEIIM):
            self.log("geiim/alpha", self.network.geiim.alpha.detach(), on_step=True, on_epoch=False)
        if isinstance(self.loss, MCCLLoss):
            self.log("mccl/temperature", self.loss.contrastive.temperature, on_step=True, on_epoch=False)
        return terms["total"]

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Collects the predictions of a batch."""
        self._collect(batch)

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Collects the predictions of a batch, and how much each instance counts."""
        self._collect(batch)
        weight_BT = self.network.instance_weights(batch["clip"])
        if weight_BT is not None:
            self.collected_weights.update(batch["index"], weight_BT)

    def on_validation_epoch_end(self) -> None:
        """Logs WAR, UAR and the recalls."""
        self._log_rates(self._drain())

    def on_test_epoch_end(self) -> None:
        """Keeps the predictions of the test split, and WIAN's instance weights, for the run folder."""
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
        """AdamW with linear warm-up and a cosine, by step (Section IV-A)."""
        settings = self.optimisation
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
        """Clips the norm here: Lightning refuses to with a fused optimiser, for the sake of a scaler we do not use."""
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), self.optimisation.gradient_clip_norm)
        self.log("train/gradient_norm", norm, on_step=False, on_epoch=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds the classes, and where the loss's noise goes on: plain values only, which ``weights_only`` can read."""
        checkpoint["class_names"] = self.class_names
        checkpoint["random_state"] = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            checkpoint["random_state"]["cuda"] = torch.cuda.get_rng_state(self.device)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes the noise up where it was left."""
        torch.set_rng_state(checkpoint["random_state"]["cpu"])
        if self.device.type == "cuda" and "cuda" in checkpoint["random_state"]:
            torch.cuda.set_rng_state(checkpoint["random_state"]["cuda"], self.device)
