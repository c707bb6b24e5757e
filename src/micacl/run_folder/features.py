"""Writes and reads ``features.npz``: the features of a run's test clips."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from micacl.errors import UserError
from micacl.files import replacing
from micacl.run_folder.npz_file import open_arrays
from micacl.run_folder.record import Run

FEATURES_FILE = "features.npz"


@dataclass(frozen=True)
class Features:
    """The features X' that the network computes of N test clips, C of each.

    Attributes:
        features: The features, shape (N, C).
        label: The true classes, shape (N,).
        prediction: The predicted classes, shape (N,).
        clip: The names of the N clips; empty where the run has not recorded them.
    """

    features: NDArray[np.float32]
    label: NDArray[np.int64]
    prediction: NDArray[np.int64]
    clip: tuple[str, ...]


def write_features(folder: Path, features: Features) -> None:
    """Writes ``features.npz``, whole or not at all.

    Args:
        folder: The run folder.
        features: The features.

    Raises:
        UserError: If the folder cannot be written to.
    """
    with replacing(folder / FEATURES_FILE) as partial:
        np.savez_compressed(
            partial,
            features=features.features,
            label=features.label,
            prediction=features.prediction,
            clip=np.array(features.clip),
        )


def read_features(run: Run) -> Features:
    """Reads a run's features.npz.

    Args:
        run: The run whose features to read.

    Raises:
        UserError: If the file is missing or damaged, holds values that are not finite, or classes unknown to the run.
    """
    path = run.folder / FEATURES_FILE
    try:
        with open_arrays(path) as arrays:
            clip = tuple(map(str, arrays["clip"].tolist())) if "clip" in arrays else ()
            features = Features(arrays["features"], arrays["label"], arrays["prediction"], clip)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: the run ({run.status}) has not written its features.") from None
    shape = features.features.shape
    if len(shape) != 2 or features.label.shape != shape[:1] or features.prediction.shape != shape[:1]:
        raise UserError(f"{path} is damaged: its features, labels and predictions are not of the same clips.")
    if features.clip and len(features.clip) != shape[0]:
        raise UserError(f"{path} is damaged: it names {len(features.clip)} clips and holds {shape[0]}.")
    for classes in (features.label, features.prediction):
        if not np.isin(classes, np.arange(len(run.class_names))).all():
            raise UserError(f"{path} does not fit the run: it holds a label that is none of its classes.")
    bad = np.count_nonzero(~np.isfinite(features.features).all(axis=1))
    if bad:
        raise UserError(f"{path}: the features of {bad} of {shape[0]} clips are not finite. The training has diverged.")
    return features
