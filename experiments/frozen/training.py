"""Trains everything after the backbone's frozen stages: GEIIM, WIAN, self-attention, Conv1d, head and loss."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from experiments.frozen.features import ClipFeatures, trained_stages
from micacl.build.loss import build_loss
from micacl.build.network import build_network
from micacl.data.sampler import TrainingSampler
from micacl.data.split import Clip, Split, class_counts, hold_out
from micacl.models import MICACL, NetworkOutput, R3DBackbone
from micacl.settings import Settings
from micacl.training.schedule import learning_rate_factor

# The weight of each term in the loss, or the option that sets it.
TERM_WEIGHTS: dict[str, float | str] = {
    "cross_entropy": 1.0,
    "focal": 1.0,
    "class_balanced": 1.0,
    "logit_adjusted": 1.0,
    "intensity_aware": "intensity_weight",
    "feature_augmentation": "augmentation_weight",
    "contrastive": "contrastive_weight",
}


@dataclass(frozen=True)
class Trained:
    """The results of a training.

    Attributes:
        label_N: The classes of the evaluated clips.
        prediction_N: The predicted classes.
        features_NC: The features X' of the evaluated clips.
        terms: A row per epoch: each term's weighted value and the norm of its gradient at X' in the last batch.
    """

    label_N: NDArray[np.int64]
    prediction_N: NDArray[np.int64]
    features_NC: NDArray[np.float32]
    terms: list[dict[str, float]]


class ViewsInTurn:
    """The training clips as the sampler sees them; a clip that is drawn again in an epoch shows another view."""

    def __init__(self, features: ClipFeatures, clips: tuple[Clip, ...]) -> None:
        self.clips = clips
        self._row = torch.from_numpy(features.rows(clips))
        self._views = features.views_VNTC
        self._epoch = 0

    def __len__(self) -> int:
        return len(self.clips)

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def position(self, index: int, repeat: int) -> int:
        return index + repeat * len(self.clips)

    def batch(self, positions: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Returns features (B, T, C) and labels (B,)."""
        index, repeat = positions % len(self), positions // len(self)
        view = (self._epoch + repeat) % len(self._views)
        x = self._views[view, self._row[index].numpy()]
        return torch.from_numpy(x).float(), torch.tensor([self.clips[i].label for i in index])


def train(settings: Settings, split: Split, features: ClipFeatures) -> Trained:
    """Trains and then evaluates on the test clips, or on held-out training clips with `protocol=holdout`.

    The optimiser, its schedule, the sampler, the network and the loss are those of `micacl.train`.
    """
    torch.manual_seed(settings.seed)
    train_clips, evaluated = split.train, split.test
    if settings.protocol.validation_fraction:
        train_clips, evaluated = hold_out(split, settings.protocol.validation_fraction, settings.seed)
    num_classes = len(split.class_names)
    network = build_network(settings, num_classes)
    assert isinstance(network, MICACL)
    assert isinstance(network.backbone, R3DBackbone)
    network.backbone = trained_stages(network.backbone, features.frozen_stages)
    counts = class_counts(train_clips, num_classes)
    loss = build_loss(settings.loss, settings.ablation.mccl, counts, network.feature_dim)
    terms = _fit(settings, network, loss, ViewsInTurn(features, train_clips))
    network.eval()
    with torch.no_grad():
        output = _classify(network, torch.from_numpy(features.plain_NTC[features.rows(evaluated)]).float())
    label = np.array([clip.label for clip in evaluated])
    return Trained(label, output.logits_BK.argmax(1).numpy(), output.features_BC.numpy(), terms)


def _classify(network: MICACL, x_BTC: Tensor) -> NetworkOutput:
    """Runs the network from the frozen stages on."""
    return network.classify(network.backbone(x_BTC.flatten(0, 1)).unflatten(0, x_BTC.shape[:2]))


def _fit(settings: Settings, network: MICACL, loss: nn.Module, clips: ViewsInTurn) -> list[dict[str, float]]:
    options = settings.training
    parameters = [*network.parameters(), *loss.parameters()]
    optimizer = torch.optim.AdamW(parameters, options.learning_rate, weight_decay=options.weight_decay, fused=True)
    sampler = TrainingSampler(clips, 1, 0, settings.seed, settings.dataset.sampler)  # type: ignore[arg-type]
    steps = len(clips) // options.batch_size
    total = options.epochs * steps
    warmup = round(options.warmup_epochs * steps)
    rows = []
    for epoch in range(options.epochs):
        sampler.set_epoch(epoch)
        batches = np.array(list(sampler))[: steps * options.batch_size].reshape(steps, -1)
        for step, positions in enumerate(batches, start=epoch * steps):
            x_BTC, label_B = clips.batch(positions)
            factor = learning_rate_factor(step, warmup, total, options.learning_rate, options.min_learning_rate)
            optimizer.param_groups[0]["lr"] = options.learning_rate * factor
            output = _classify(network, x_BTC)
            values = loss(*output, label_B, network.head)
            if step % steps == steps - 1:
                rows.append({"epoch": epoch + 1, **_measure(settings, values, output.features_BC)})
            optimizer.zero_grad()
            values["total"].backward()
            nn.utils.clip_grad_norm_(parameters, options.gradient_clip_norm)
            optimizer.step()
    return rows


def _measure(settings: Settings, values: dict[str, Tensor], features_BC: Tensor) -> dict[str, float]:
    """Measures each weighted term and the norm of its gradient at X'."""
    measured = {}
    for name, weight in TERM_WEIGHTS.items():
        if name not in values:
            continue
        factor = weight if isinstance(weight, float) else getattr(settings.loss, weight)
        value = factor * values[name]
        (gradient,) = torch.autograd.grad(value, features_BC, retain_graph=True, allow_unused=True)
        measured[name] = float(value.detach())
        measured[f"gradient_{name}"] = 0.0 if gradient is None else float(gradient.norm())
    return measured
