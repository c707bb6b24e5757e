"""Reads a run's features.npz: its test clips as the network sees them."""

from dataclasses import dataclass
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from micacl.errors import UserError
from micacl.run_folder.record import Run

FEATURES_FILE = "features.npz"


@dataclass(frozen=True)
class Features:
    """The test clips of a run as the network sees them.

    Attributes:
        features: Shape (N, C).
        label: Shape (N,), class indices.
        prediction: Shape (N,), class indices.
        clip: N names; empty where the run has not recorded them.
    """

    features: NDArray[np.float32]
    label: NDArray[np.int64]
    prediction: NDArray[np.int64]
    clip: tuple[str, ...]


def read_features(run: Run) -> Features:
    """Reads a run's features.npz.

    Args:
        run: The run whose features to read.

    Raises:
        UserError: If the file is missing or damaged, holds values that are not finite, or classes unknown to the run.
    """
    path = run.folder / FEATURES_FILE
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            clip = tuple(map(str, arrays["clip"].tolist())) if "clip" in arrays else ()
            features = Features(arrays["features"], arrays["label"], arrays["prediction"], clip)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: the run ({run.status}) has not written its features.") from None
    except KeyError as error:
        raise UserError(f"{path} is damaged: {error.args[0]}.") from error
    except (OSError, EOFError, ValueError, TypeError, BadZipFile) as error:
        raise UserError(f"{path} is damaged and cannot be read: {error}") from error
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
