"""Writes and reads ``instances.npz``: the weight of each instance of a clip, and the adjacency of the instances."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micacl.errors import UserError
from micacl.files import replacing
from micacl.run_folder.npz_file import open_arrays
from micacl.run_folder.record import Run

INSTANCES_FILE = "instances.npz"


@dataclass(frozen=True)
class Instances:
    """WIAN's weights and GEIIM's adjacency of the T instances of a clip.

    Attributes:
        weights: The weights by clip, each of shape (T,), not negative; empty for a network without WIAN.
        adjacency: GEIIM's A, shape (T, T); None for a network without GEIIM.
    """

    weights: Mapping[str, NDArray[np.float64]]
    adjacency: NDArray[np.float64] | None


def write_instances(
    folder: Path,
    clip_names: Sequence[str],
    weight_NT: NDArray[np.float32] | None,
    adjacency_TT: NDArray[np.float32] | None,
) -> None:
    """Writes ``instances.npz``, whole or not at all; no file for a network that has neither WIAN nor GEIIM.

    Args:
        folder: The run folder.
        clip_names: The names of the N clips.
        weight_NT: WIAN's instance weights, not negative. None, for a network without WIAN, leaves out `clip` and
            `weights`.
        adjacency_TT: GEIIM's A. None, for a network without GEIIM, leaves out `adjacency`.

    Raises:
        UserError: If the folder cannot be written to.
    """
    arrays: dict[str, NDArray[Any]] = {}
    if weight_NT is not None:
        arrays |= {"clip": np.array(clip_names), "weights": weight_NT}
    if adjacency_TT is not None:
        arrays["adjacency"] = adjacency_TT
    if arrays:
        with replacing(folder / INSTANCES_FILE) as partial:
            np.savez(partial, **arrays)  # type: ignore[arg-type]


def read_instances(run: Run) -> Instances | None:
    """Reads a run's instances.npz.

    Args:
        run: The run whose instances to read.

    Returns:
        The instances; None where the run has not recorded them.

    Raises:
        UserError: If the file is damaged, or holds weights that are negative or not finite.
    """
    path = run.folder / INSTANCES_FILE
    try:
        with open_arrays(path) as arrays:
            adjacency = arrays["adjacency"].astype(np.float64) if "adjacency" in arrays else None
            if adjacency is not None and "clip" not in arrays and "weights" not in arrays:
                clip, weights = np.empty(0, dtype=str), np.empty((0, len(adjacency)))
            else:
                clip, weights = arrays["clip"], arrays["weights"].astype(np.float64)
    except FileNotFoundError:
        return None
    if weights.ndim != 2 or clip.shape != weights.shape[:1] or not weights.shape[1]:
        raise UserError(f"{path} is damaged: its weights are not those of its clips.")
    if adjacency is not None and adjacency.shape != (weights.shape[1],) * 2:
        raise UserError(f"{path} is damaged: its adjacency is not of {weights.shape[1]} instances.")
    for values in (weights, *([] if adjacency is None else [adjacency])):
        if not np.isfinite(values).all() or (values < 0).any():
            raise UserError(f"{path} holds weights that are negative or not finite.")
    return Instances({str(name): row for name, row in zip(clip.tolist(), weights, strict=True)}, adjacency)
