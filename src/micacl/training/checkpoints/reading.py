"""Reads checkpoints: finds the newest undamaged one to resume from, and refuses early one that does not fit."""

import logging
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor, nn

from micacl.errors import UserError
from micacl.run_folder.config import CONFIG_FILE
from micacl.training.checkpoints.tensors import (
    LAST,
    NETWORK,
    PREVIOUS,
    SUFFIX,
    ReadCheckpoint,
    differences,
    different_names,
    read_network,
    read_tensors,
)
from micacl.training.module import ExpressionModule

log = logging.getLogger(__name__)
DAMAGED = "damaged.ckpt"
# The options that decide which parameters there are, and their shapes, by the beginning of their names.
_OPTIONS = {
    "geiim.": "ablation.geiim",
    "geiim.node_embedding": "model.geiim.embedding_dim",
    "geiim.convolutions": "model.geiim.kernels",
    "wian.": "ablation.wian",
    "aggregation.": "model.num_frames and model.instance_length",
}


def read_checkpoint(path: Path, in_memory: bool = False) -> dict[str, Any]:
    """Reads a checkpoint without running any code in it.

    Args:
        path: The file, a ``.ckpt`` or a ``.safetensors``.
        in_memory: Whether to read all of it at once; else a tensor of a ``.ckpt`` is read when it is used.

    Raises:
        UserError: If there is no such file, or it is no checkpoint of this project.
    """
    if not path.is_file():
        raise UserError(f"there is no checkpoint {path}; set ckpt_path to a file of a run's checkpoints folder")
    checkpoint = read_network(path) if path.suffix == SUFFIX else read_tensors(path, "the checkpoint", in_memory)
    if not isinstance(checkpoint, dict) or not _is_ours(checkpoint):
        raise UserError(f"{path} is no checkpoint of micacl.train")
    return checkpoint


def read_to_resume(path: Path) -> ReadCheckpoint:
    """Reads a checkpoint once for all who need it: the checks, and then the trainer.

    Raises:
        UserError: If there is no such file, or it is no checkpoint of this project.
    """
    return ReadCheckpoint(path, read_checkpoint(path, in_memory=True))


def _is_ours(checkpoint: dict[str, Any]) -> bool:
    state, names = checkpoint.get("state_dict"), checkpoint.get("class_names")
    return (
        isinstance(state, dict)
        and all(isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items())
        and isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and isinstance(checkpoint.get("epoch"), int)
    )


def check_classes(path: Path, trained_on: Sequence[str], class_names: Sequence[str]) -> None:
    """Checks that a label means the same to a checkpoint and to a data set.

    Args:
        path: The checkpoint's file, for the message.
        trained_on: The classes of the checkpoint.
        class_names: The classes of the data set.

    Raises:
        UserError: If names or their order differ.
    """
    if list(trained_on) != list(class_names):
        raise UserError(
            f"the checkpoint {path} was trained on the classes {', '.join(trained_on)}, this data set has "
            f"{', '.join(class_names)}; they must be the same, in the same order"
        )


def check_fits(checkpoint: ReadCheckpoint, module: ExpressionModule) -> None:
    """Checks that a checkpoint holds what a run of a module needs to resume.

    Args:
        checkpoint: The checkpoint.
        module: The module that is to be trained further.

    Raises:
        UserError: If the classes or the parameters differ, or it holds no optimiser (best.safetensors does not).
    """
    path, content = checkpoint.path, checkpoint.content
    check_classes(path, content["class_names"], module.class_names)
    if not content.get("optimizer_states"):
        raise UserError(
            f"the checkpoint {path} holds the network alone and cannot resume a run; use last.ckpt beside it"
        )
    different = differences(content["state_dict"], module.state_dict())
    if different:
        raise UserError(
            f"the checkpoint {path} does not fit this config: {different}. "
            f"Use the model, loss and ablation options of the run that wrote it ({CONFIG_FILE} in its folder)."
        )
    if not isinstance(content.get("epochs_done"), int):
        raise UserError(f"the checkpoint {path} is of an older version of micacl, which cannot resume a run exactly")


def check_resumable(checkpoint: ReadCheckpoint, module: ExpressionModule, epochs: int) -> None:
    """Checks that a new run of a module can resume from a checkpoint, and that epochs are left.

    Args:
        checkpoint: The checkpoint.
        module: The module that is to be trained further.
        epochs: The number of epochs of the whole training.

    Raises:
        UserError: If the checkpoint does not fit, or all epochs are done.
    """
    check_fits(checkpoint, module)
    done = checkpoint.content["epochs_done"]
    if done >= epochs:
        raise UserError(
            f"the checkpoint {checkpoint.path} is of epoch {done}, so nothing is left of training.epochs={epochs}; "
            "set it higher"
        )


def load_network(path: Path, checkpoint: dict[str, Any], network: nn.Module) -> None:
    """Loads the parameters of a checkpoint into a network.

    Args:
        path: The checkpoint's file, for the message.
        checkpoint: The content of the checkpoint.
        network: A network that was built from its options.

    Raises:
        UserError: If the parameters differ.
    """
    state = {
        name.removeprefix(NETWORK): value
        for name, value in checkpoint["state_dict"].items()
        if name.startswith(NETWORK)
    }
    own = network.state_dict()
    different = differences(state, own)
    if different:
        names = different_names(state, own)
        options = [option for prefix, option in _OPTIONS.items() if any(name.startswith(prefix) for name in names)]
        raise UserError(
            f"the options do not describe the network of {path}: {different}. "
            f"Look at {' and '.join(options) or 'the model and ablation options'}."
        )
    network.load_state_dict(state)


def newest_checkpoint(folder: Path) -> ReadCheckpoint | None:
    """Finds the newest undamaged checkpoint to resume from, and reads it; a damaged one is reported and renamed.

    Args:
        folder: The checkpoints folder.

    Returns:
        None if there is none, so that the run starts from the beginning.

    Raises:
        UserError: If a damaged checkpoint cannot be renamed.
    """
    _remove_halves(folder)
    for path in (folder / LAST, folder / PREVIOUS):
        if not path.is_file():
            continue
        try:
            _check_sums(path)
            return read_to_resume(path)
        except (UserError, zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as error:
            _set_aside(path, str(error) or type(error).__name__)
    return None


def _check_sums(path: Path) -> None:
    """Compares the checksum of each part, which torch writes and does not check."""
    with zipfile.ZipFile(path) as archive:
        changed = archive.testzip()
    if changed is not None:
        raise ValueError(f"the checksum of {changed} in it is wrong")


def _remove_halves(folder: Path) -> None:
    """Removes the halves that a process has left that was killed while it wrote."""
    if getattr(rank_zero_only, "rank", 0) == 0:
        for half in folder.glob(".*.ckpt"):
            half.unlink(missing_ok=True)


def _set_aside(path: Path, damage: str) -> None:
    if getattr(rank_zero_only, "rank", 0) != 0:
        return
    log.warning(f"{path} is damaged ({damage}); it is kept as {DAMAGED}, and the checkpoint before it is used")
    try:
        path.replace(path.with_name(DAMAGED))
    except OSError as error:
        raise UserError(f"Cannot rename {path}: {error.strerror or error}.") from error
