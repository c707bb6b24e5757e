"""Reads a run's instances.npz: how much each instance of a clip counts, and how instances look at each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from micacl.errors import UserError
from micacl.run_folder.record import Run

INSTANCES_FILE = "instances.npz"


@dataclass(frozen=True)
class Instances:
    """What the network makes of the instances, T of them in a clip.

    Attributes:
        weights: By clip, shape (T,), not negative; empty for a network without WIAN.
        adjacency: GEIIM's A, shape (T, T); None for a network without GEIIM.
    """

    weights: Mapping[str, NDArray[np.float64]]
    adjacency: NDArray[np.float64] | None


def read_instances(run: Run) -> Instances | None:
    """Reads a run's instances.npz: `clip` (N names), `weights` (N, T) and `adjacency` (T, T).

    A network without GEIIM has no `adjacency`, one without WIAN neither `clip` nor `weights`.

    Args:
        run: The run.

    Returns:
        None where the run has not recorded them.

    Raises:
        UserError: If the file is damaged, or holds weights that are negative or not finite.
    """
    path = run.folder / INSTANCES_FILE
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            adjacency = arrays["adjacency"].astype(np.float64) if "adjacency" in arrays else None
            if adjacency is not None and "clip" not in arrays and "weights" not in arrays:
                clip, weights = np.empty(0, dtype=str), np.empty((0, len(adjacency)))
            else:
                clip, weights = arrays["clip"], arrays["weights"].astype(np.float64)
    except FileNotFoundError:
        return None
    except KeyError as error:
        raise UserError(f"{path} is damaged: {error.args[0]}.") from error
    except (OSError, EOFError, ValueError, TypeError, BadZipFile) as error:
        raise UserError(f"{path} is damaged and cannot be read: {error}") from error
    if weights.ndim != 2 or clip.shape != weights.shape[:1] or not weights.shape[1]:
        raise UserError(f"{path} is damaged: its weights are not those of its clips.")
    if adjacency is not None and adjacency.shape != (weights.shape[1],) * 2:
        raise UserError(f"{path} is damaged: its adjacency is not of {weights.shape[1]} instances.")
    for values in (weights, *([] if adjacency is None else [adjacency])):
        if not np.isfinite(values).all() or (values < 0).any():
            raise UserError(f"{path} holds weights that are negative or not finite.")
    return Instances({str(name): row for name, row in zip(clip.tolist(), weights, strict=True)}, adjacency)
