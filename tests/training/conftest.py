"""A small module and random clips to train it on."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from tests.small_network import SmallBackbone
from torch import Tensor, nn
from torch.utils.data import DataLoader

from micacl.losses import CrossEntropyLoss, MCCLLoss
from micacl.models import MICACL
from micacl.training.checkpoints.writing import DurableCheckpointIO
from micacl.training.module import ExpressionModule, Optimization

CLASS_NAMES = ("joy", "fear", "anger")
NUM_CLIPS = 12


class MakeModule(Protocol):
    """Makes a module with a small backbone, always with the same parameters."""

    def __call__(self, *, mccl: bool = False, geiim: bool = False, **optimization: float) -> ExpressionModule: ...


class Fit(Protocol):
    """Trains a module on random clips, two batches an epoch, and gives the trainer."""

    def __call__(
        self, module: LightningModule, epochs: int, callbacks: Sequence[Callback] = (), **options: Any
    ) -> Trainer: ...


@pytest.fixture
def make_module() -> MakeModule:
    def make(*, mccl: bool = False, geiim: bool = False, **optimization: float) -> ExpressionModule:
        torch.manual_seed(0)
        loss: nn.Module = MCCLLoss([4, 4, 4]) if mccl else CrossEntropyLoss(0.0)
        backbone = SmallBackbone()
        network = MICACL(len(CLASS_NAMES), num_frames=4, instance_length=2, geiim=geiim, wian=False, backbone=backbone)
        settings = {
            "learning_rate": 1e-3,
            "min_learning_rate": 1e-5,
            "weight_decay": 0.05,
            "warmup_epochs": 0,
            "gradient_clip_norm": 1.0,
        }
        return ExpressionModule(network, loss, CLASS_NAMES, Optimization(**(settings | optimization)), "test")

    return make


@pytest.fixture(scope="session")
def clips() -> list[dict[str, Tensor]]:
    """Clips of noise, each with its index; labels count 0, 1, 2, 0, ..."""
    generator = torch.Generator().manual_seed(1)
    return [
        {
            "clip": torch.randn(3, 4, 8, 8, generator=generator),
            "label": torch.tensor(i % len(CLASS_NAMES)),
            "index": torch.tensor(i),
        }
        for i in range(NUM_CLIPS)
    ]


@pytest.fixture
def fit(clips: list[dict[str, Tensor]], tmp_path: Path) -> Callable[..., Trainer]:
    def run(
        module: LightningModule, epochs: int, callbacks: Sequence[Callback] = (), ckpt_path: Path | None = None
    ) -> Trainer:
        trainer = Trainer(
            default_root_dir=tmp_path,
            accelerator="cpu",
            max_epochs=epochs,
            callbacks=list(callbacks),
            logger=False,
            enable_checkpointing=any(isinstance(callback, Checkpoint) for callback in callbacks),
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            plugins=[DurableCheckpointIO({"fold": "1"})],
        )
        # Its own generator, as the data module has it: starting it must not change the noise that follows.
        loader: DataLoader[Any] = DataLoader(clips, NUM_CLIPS // 2, generator=torch.Generator())  # type: ignore[arg-type]
        trainer.fit(module, loader, loader, ckpt_path=ckpt_path, weights_only=True)
        return trainer

    return run
