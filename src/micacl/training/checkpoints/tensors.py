"""Reading files of tensors without running code in them, and saying how their parameters differ."""

import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from micacl.errors import UserError

_SHOWN = 3


def read_tensors(path: Path, what: str) -> Any:
    """Reads a file of ``torch.save`` that holds tensors and plain values alone.

    Args:
        path: The file.
        what: What it is to the user, for the message.

    Raises:
        UserError: If it cannot be read, or holds anything that could run code.
    """
    try:
        # Only the newer of torch's two formats, a zip file, can be read piece by piece.
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        # torch's own text goes on for a page and advises to switch this safety off.
        reason = "it is damaged, or holds more than tensors and plain values, which may run code and is never loaded"
        raise UserError(f"{what} {path} cannot be read: {reason}") from error
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError) as error:
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise UserError(f"{what} {path} cannot be read, it is damaged or of another kind: {reason}") from error


def differences(saved: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """Says how saved parameters differ from a module's own; "" where they fit."""
    missing = [f"{name} is missing in the file" for name in own.keys() - saved.keys()]
    unknown = [f"{name} is unknown to this config" for name in saved.keys() - own.keys()]
    shapes = [
        f"{name} has the shape {tuple(saved[name].shape)} there and {tuple(own[name].shape)} here"
        for name in own.keys() & saved.keys()
        if saved[name].shape != own[name].shape
    ]
    found = sorted(missing) + sorted(unknown) + sorted(shapes)
    return "; ".join(found[:_SHOWN]) + (f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")


def different_names(saved: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> set[str]:
    """The parameters that only one of the two has, or whose shapes differ."""
    both = own.keys() & saved.keys()
    return (own.keys() ^ saved.keys()) | {name for name in both if saved[name].shape != own[name].shape}


SUFFIX = ".safetensors"
NETWORK = "network."  # what ExpressionModule calls it


def write_network(checkpoint: Mapping[str, Any], about: Mapping[str, str], file: BinaryIO) -> None:
    """Writes the network of a checkpoint, without loss, optimiser and the module's prefix.

    Args:
        checkpoint: What Lightning collects.
        about: What else the file says of the network.
        file: Where to.
    """
    parameters = {
        name.removeprefix(NETWORK): value.contiguous()
        for name, value in checkpoint["state_dict"].items()
        if name.startswith(NETWORK)
    }
    metadata = {"class_names": json.dumps(checkpoint["class_names"]), "epoch": str(checkpoint["epoch"] + 1)}
    file.write(save(parameters, {**about, **metadata}))


def read_network(path: Path) -> dict[str, Any]:
    """Reads what :func:`write_network` has written, named as in a checkpoint.

    Raises:
        UserError: If it cannot be read, or says nothing of its classes and its epoch.
    """
    parameters, metadata = read_safetensors(path, "the checkpoint")
    try:
        class_names, epoch = json.loads(metadata["class_names"]), int(metadata["epoch"])
    except (KeyError, ValueError, RecursionError):
        raise UserError(f"{path} is no checkpoint of micacl.train: its metadata names no classes or no epoch") from None
    state = {f"{NETWORK}{name}": value for name, value in parameters.items()}
    return {"state_dict": state, "class_names": class_names, "epoch": epoch - 1}


def read_safetensors(path: Path, what: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Reads the tensors and the metadata of a safetensors file.

    Args:
        path: The file.
        what: What it is to the user, for the message.

    Raises:
        UserError: If it cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{what} {path} cannot be read, it is damaged or of another kind: {reason}") from error


LAST = "last.ckpt"
PREVIOUS = "previous.ckpt"

BEST = f"best{SUFFIX}"
