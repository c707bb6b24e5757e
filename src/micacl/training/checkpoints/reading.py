"""Writing and reading checkpoints, and saying early when one does not fit."""

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
    differences,
    different_names,
    read_network,
    read_tensors,
)
from micacl.training.module import ExpressionModule

log = logging.getLogger(__name__)
# The options that decide whether there are parameters of a name, and of which shape.
_OPTIONS = {
    "geiim.": "ablation.geiim",
    "geiim.node_embedding": "model.geiim.embedding_dim",
    "geiim.convolutions": "model.geiim.kernels",
    "wian.": "ablation.wian",
    "aggregation.": "model.num_frames and model.instance_length",
}


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint without running any code in it.

    Raises:
        UserError: If there is no such file, or it is no checkpoint of this project.
    """
    if not path.is_file():
        raise UserError(f"there is no checkpoint {path}; set ckpt_path to a file of a run's checkpoints folder")
    checkpoint = read_network(path) if path.suffix == SUFFIX else read_tensors(path, "the checkpoint")
    if not isinstance(checkpoint, dict) or not _is_ours(checkpoint):
        raise UserError(f"{path} is no checkpoint of micacl.train")
    return checkpoint


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
        path: The checkpoint.
        trained_on: Its classes.
        class_names: The data set's.

    Raises:
        UserError: If names or their order differ.
    """
    if list(trained_on) != list(class_names):
        raise UserError(
            f"the checkpoint {path} was trained on the classes {', '.join(trained_on)}, this data set has "
            f"{', '.join(class_names)}; they must be the same, in the same order"
        )


def check_fits(path: Path, module: ExpressionModule) -> dict[str, Any]:
    """Checks that a checkpoint holds what a run of ``module`` needs to go on.

    Args:
        path: The checkpoint.
        module: What goes on.

    Returns:
        The checkpoint.

    Raises:
        UserError: If the classes or the parameters differ, or it holds no optimiser (best.safetensors does not).
    """
    checkpoint = read_checkpoint(path)
    check_classes(path, checkpoint["class_names"], module.class_names)
    if not checkpoint.get("optimizer_states"):
        raise UserError(
            f"the checkpoint {path} holds the network alone and cannot resume a run; use last.ckpt beside it"
        )
    different = differences(checkpoint["state_dict"], module.state_dict())
    if different:
        raise UserError(
            f"the checkpoint {path} does not fit this config: {different}. "
            f"Use the model, loss and ablation options of the run that wrote it ({CONFIG_FILE} in its folder)."
        )
    if not isinstance(checkpoint.get("epochs_done"), int):
        raise UserError(f"the checkpoint {path} is of an older version of micacl, which cannot resume a run exactly")
    return checkpoint


def check_resumable(path: Path, module: ExpressionModule, epochs: int) -> None:
    """Checks that a new run of ``module`` can go on from a checkpoint, and has something to do.

    Args:
        path: The checkpoint.
        module: What goes on.
        epochs: Epochs of the whole training.

    Raises:
        UserError: If the checkpoint does not fit, or all epochs are done.
    """
    done = check_fits(path, module)["epochs_done"]
    if done >= epochs:
        raise UserError(
            f"the checkpoint {path} is of epoch {done}, so nothing is left of training.epochs={epochs}; set it higher"
        )


def load_network(path: Path, checkpoint: dict[str, Any], network: nn.Module) -> None:
    """Gives a network the parameters that a checkpoint holds.

    Args:
        path: The checkpoint's, for the message.
        checkpoint: What it holds.
        network: As its options make it.

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


DAMAGED = "damaged.ckpt"


def newest_checkpoint(folder: Path) -> Path | None:
    """Finds the newest checkpoint that is whole; a damaged one is named, and moved out of the way of the next.

    Args:
        folder: The checkpoints' folder.

    Returns:
        None where there is none: the run begins at its beginning.

    Raises:
        UserError: If a damaged one cannot be moved.
    """
    _remove_halves(folder)
    for path in (folder / LAST, folder / PREVIOUS):
        damage = _damage(path) if path.is_file() else None
        if damage is not None:
            _set_aside(path, damage)
        elif path.is_file():
            return path
    return None


def _remove_halves(folder: Path) -> None:
    """Removes what a process that was killed while it wrote has left beside the checkpoints."""
    if getattr(rank_zero_only, "rank", 0) == 0:
        for half in folder.glob(".*.ckpt"):
            half.unlink(missing_ok=True)


def _damage(path: Path) -> str | None:
    """What is wrong with a checkpoint, in words."""
    try:
        with zipfile.ZipFile(path) as archive:
            changed = archive.testzip()  # torch writes a checksum of each part, and does not look at it
        if changed is not None:
            return f"the checksum of {changed} in it is wrong"
        read_checkpoint(path)
    except UserError as error:
        return str(error)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as error:
        return str(error) or type(error).__name__
    return None


def _set_aside(path: Path, damage: str) -> None:
    if getattr(rank_zero_only, "rank", 0) != 0:
        return
    log.warning(f"{path} is damaged ({damage}); it is kept as {DAMAGED}, and the checkpoint before it is used")
    try:
        path.replace(path.with_name(DAMAGED))
    except OSError as error:
        raise UserError(f"Cannot rename {path}: {error.strerror or error}.") from error
