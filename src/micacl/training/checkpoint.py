"""Reading checkpoints, and saying early when one does not fit."""

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from micacl.errors import UserError
from micacl.training.module import ExpressionModule


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint without running any code in it.

    Raises:
        UserError: If there is no such file, or it is no checkpoint of this project.
    """
    if not path.is_file():
        raise UserError(f"there is no checkpoint {path}; set ckpt_path to a file of a run's checkpoints folder")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise UserError(f"the checkpoint {path} cannot be read, it is damaged or no checkpoint: {error}") from error
    if not isinstance(checkpoint, dict) or not {"state_dict", "class_names"} <= checkpoint.keys():
        raise UserError(f"{path} is no checkpoint of micacl.train")
    return checkpoint


def check_resumable(path: Path, module: ExpressionModule) -> None:
    """Checks that a run of ``module`` can go on from a checkpoint.

    Raises:
        UserError: If the classes or the parameters differ, or it holds no optimiser (best.ckpt does not).
    """
    checkpoint = read_checkpoint(path)
    if checkpoint["class_names"] != module.class_names:
        raise UserError(
            f"the checkpoint {path} was trained on the classes {', '.join(checkpoint['class_names'])}, this data set "
            f"has {', '.join(module.class_names)}"
        )
    differences = _differences(checkpoint["state_dict"], module.state_dict())
    if differences:
        shown = "; ".join(differences[:3]) + (f"; and {len(differences) - 3} more" if len(differences) > 3 else "")
        raise UserError(
            f"the checkpoint {path} does not fit this config: {shown}. "
            "Use the model, loss and ablation options of the run that wrote it (config.yaml in its folder)."
        )
    if not checkpoint.get("optimizer_states"):
        raise UserError(
            f"the checkpoint {path} holds the network alone and cannot resume a run; use last.ckpt beside it"
        )


def _differences(saved: dict[str, Tensor], own: dict[str, Tensor]) -> list[str]:
    missing = [f"{name} is missing in the checkpoint" for name in own.keys() - saved.keys()]
    unknown = [f"{name} is unknown to this config" for name in saved.keys() - own.keys()]
    shapes = [
        f"{name} has the shape {tuple(saved[name].shape)} there and {tuple(own[name].shape)} here"
        for name in own.keys() & saved.keys()
        if saved[name].shape != own[name].shape
    ]
    return sorted(missing) + sorted(unknown) + sorted(shapes)
