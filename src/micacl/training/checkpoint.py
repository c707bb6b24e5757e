"""Writing and reading checkpoints, and saying early when one does not fit."""

import logging
import shutil
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_only

from micacl.errors import UserError
from micacl.training.module import ExpressionModule
from micacl.training.state_dict import differences, read_tensors

log = logging.getLogger(__name__)


class BestCheckpoint(ModelCheckpoint):
    """Keeps the network, without the optimiser, of the epoch with the highest UAR as ``best.ckpt``.

    A resumed run takes the best epoch before its start along: Lightning forgets it in a new folder.

    Args:
        folder: The checkpoints' folder.
        validation_name: Prefix of the validation metrics.
    """

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

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes up the best epoch of the run that is resumed."""
        assert self.dirpath is not None
        saved, own = Path(state_dict["best_model_path"]), Path(self.dirpath) / "best.ckpt"
        if saved.is_file():
            if saved != own and getattr(rank_zero_only, "rank", 0) == 0:
                own.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(saved, own)
            best = {"best_model_path": str(own), "kth_best_model_path": str(own), "dirpath": self.dirpath}
            score = {"best_k_models": {str(own): state_dict["best_model_score"]}}
            super().load_state_dict({**state_dict, **best, **score})
        else:
            log.warning(f"{saved} is gone: the best epoch is sought among those that follow")


def last_checkpoint(folder: Path) -> ModelCheckpoint:
    """Keeps all that is needed to go on from the last epoch as ``last.ckpt``."""
    return ModelCheckpoint(folder, filename="last", save_on_train_epoch_end=True, enable_version_counter=False)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint without running any code in it.

    Raises:
        UserError: If there is no such file, or it is no checkpoint of this project.
    """
    if not path.is_file():
        raise UserError(f"there is no checkpoint {path}; set ckpt_path to a file of a run's checkpoints folder")
    checkpoint = read_tensors(path, "the checkpoint")
    if not isinstance(checkpoint, dict) or not {"state_dict", "class_names", "epoch"} <= checkpoint.keys():
        raise UserError(f"{path} is no checkpoint of micacl.train")
    return checkpoint


def check_resumable(path: Path, module: ExpressionModule, epochs: int) -> None:
    """Checks that a run of ``module`` can go on from a checkpoint.

    Args:
        path: The checkpoint.
        module: What goes on.
        epochs: Epochs of the whole training.

    Raises:
        UserError: If the classes or the parameters differ, it holds no optimiser (best.ckpt does not), or all epochs
            are done.
    """
    checkpoint = read_checkpoint(path)
    if checkpoint["class_names"] != module.class_names:
        raise UserError(
            f"the checkpoint {path} was trained on the classes {', '.join(checkpoint['class_names'])}, this data set "
            f"has {', '.join(module.class_names)}"
        )
    different = differences(checkpoint["state_dict"], module.state_dict())
    if different:
        raise UserError(
            f"the checkpoint {path} does not fit this config: {different}. "
            "Use the model, loss and ablation options of the run that wrote it (config.yaml in its folder)."
        )
    if not checkpoint.get("optimizer_states"):
        raise UserError(
            f"the checkpoint {path} holds the network alone and cannot resume a run; use last.ckpt beside it"
        )
    if checkpoint["epoch"] + 1 >= epochs:
        raise UserError(
            f"the checkpoint {path} is of epoch {checkpoint['epoch'] + 1}, so nothing is left of "
            f"training.epochs={epochs}; set it higher"
        )
