"""The network alone, in a file that cannot hold code: safetensors, with what is known of the network as metadata."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from micacl.errors import UserError

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
