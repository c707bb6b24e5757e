"""The files of a run's checkpoints folder: their names, and how to read them without running code in them.

A ``.ckpt`` holds all that a run needs to resume, in the format of ``torch.save``; a ``.safetensors`` the network alone.
"""

import json
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from micacl.errors import UserError

SUFFIX = ".safetensors"
LAST = "last.ckpt"
PREVIOUS = "previous.ckpt"
BEST = f"best{SUFFIX}"
NETWORK = "network."  # the prefix of the network's parameters in a .ckpt: the attribute of ExpressionModule

_SHOWN = 3


@dataclass
class ReadCheckpoint:
    """A checkpoint that was read into memory to resume from it, until the trainer takes it.

    Attributes:
        path: The file.
        content: Its content; empty once it is taken.
    """

    path: Path
    content: dict[str, Any]

    def take(self) -> dict[str, Any]:
        """Returns the content and forgets it, so that its memory is free when the trainer has restored it."""
        content, self.content = self.content, {}
        return content


def read_tensors(path: Path, what: str, in_memory: bool = False) -> Any:
    """Reads a file of ``torch.save`` that holds tensors and plain values alone.

    Args:
        path: The file.
        what: What the file is to the user, for the message.
        in_memory: Whether to read all of it at once; else a tensor is read from the disk when it is used.

    Raises:
        UserError: If it cannot be read, or holds anything that could run code.
    """
    try:
        # Only the newer of torch's two formats, a zip file, can be read piece by piece.
        mapped = not in_memory and zipfile.is_zipfile(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        # torch's own text fills a page and advises to switch this safety off.
        reason = "it is damaged, or holds more than tensors and plain values, which may run code and is never loaded"
        raise UserError(f"{what} {path} cannot be read: {reason}") from error
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError) as error:
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise UserError(f"{what} {path} cannot be read, it is damaged or of another kind: {reason}") from error


def differences(saved: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """Describes how saved parameters differ from a module's own; "" if they fit."""
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
    """Names the parameters that only one of the two has, or whose shapes differ."""
    both = own.keys() & saved.keys()
    return (own.keys() ^ saved.keys()) | {name for name in both if saved[name].shape != own[name].shape}


def write_network(checkpoint: Mapping[str, Any], about: Mapping[str, str], file: BinaryIO) -> None:
    """Writes the network of a checkpoint, without loss, optimiser and the module's prefix.

    Args:
        checkpoint: The checkpoint that Lightning has collected.
        about: Further metadata of the file.
        file: The file to write to.
    """
    parameters = {
        name.removeprefix(NETWORK): value.contiguous()
        for name, value in checkpoint["state_dict"].items()
        if name.startswith(NETWORK)
    }
    metadata = {"class_names": json.dumps(checkpoint["class_names"]), "epoch": str(checkpoint["epoch"] + 1)}
    file.write(save(parameters, {**about, **metadata}))


def read_network(path: Path) -> dict[str, Any]:
    """Reads what :func:`write_network` has written, with the names of a ``.ckpt``.

    Raises:
        UserError: If it cannot be read, or its metadata lacks the classes or the epoch.
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
        what: What the file is to the user, for the message.

    Raises:
        UserError: If it cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{what} {path} cannot be read, it is damaged or of another kind: {reason}") from error
