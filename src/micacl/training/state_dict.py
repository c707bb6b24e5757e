"""Reading files of tensors without running code in them, and saying how their parameters differ."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
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
