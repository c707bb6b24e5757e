"""What a run writes of itself: ``run.json``, ``config.yaml``, tables, predictions and features."""

import csv
import json
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import Tensor

from micacl.files import replacing
from micacl.training.predictions import Predictions

# The packages that decide a run's figures.
_VERSIONS_OF = (
    "micacl", "torch", "torchvision", "lightning", "torchmetrics", "decord", "numpy", "scikit-learn", "hydra-core",
    "omegaconf", "wandb", "av", "opencv-python-headless",
)  # fmt: skip


class RunRecord:
    """``run.json`` of a run folder: what was run, how far it came, and its results.

    Args:
        folder: The run folder; created if it is missing.
        about: What identifies the run (data set, classes, fold, seed, setting, ...).
        config_yaml: The resolved config.
        active: False writes nothing: the processes of rank above 0.
        earlier: The record of the start that this one goes on with; empty where it starts anew.
    """

    def __init__(
        self,
        folder: Path,
        about: Mapping[str, Any],
        config_yaml: str,
        active: bool = True,
        earlier: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.folder = folder
        self._active = active
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._start = time.monotonic() - (earlier.get("seconds") or 0)
        self._record: dict[str, Any] = {
            "status": "running",
            "error": None,
            **about,
            "results": None,
            **_git_state(),
            "versions": _versions(),
            "python": platform.python_version(),
            "device": None,
            "started": earlier.get("started") or now,
            "resumed": [*earlier.get("resumed", []), *([now] if earlier else [])],
            "seconds": None,
            "command": sys.argv,
        }
        if active:
            folder.mkdir(parents=True, exist_ok=True)
        self.write_config(config_yaml)
        self.update()

    def write_config(self, config_yaml: str) -> None:
        """Writes ``config.yaml``."""
        if self._active:
            with replacing(self.folder / "config.yaml") as partial:
                partial.write_text(config_yaml, encoding="utf-8")

    def update(self, **fields: Any) -> None:
        """Sets fields and writes the file, whole or not at all."""
        self._record |= fields
        self._record["seconds"] = round(time.monotonic() - self._start, 1)
        if not self._active:
            return
        with replacing(self.folder / "run.json") as partial:
            partial.write_text(json.dumps(self._record, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def amend_record(folder: Path, **fields: Any) -> None:
    """Sets fields of a ``run.json`` that another process has written."""
    path = folder / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    with replacing(path) as partial:
        partial.write_text(json.dumps(record | fields, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _git_state() -> dict[str, Any]:
    """The commit of the checkout that the package runs from, and whether it was changed; None outside of one."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True)
        changes = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return {"git_commit": None, "git_changed": None}
    return {"git_commit": commit.stdout.strip(), "git_changed": bool(changes.stdout.strip())}


def _versions() -> dict[str, str]:
    return {dist.metadata["Name"]: dist.version for dist in distributions() if dist.metadata["Name"] in _VERSIONS_OF}


def write_predictions(
    folder: Path, predictions: Predictions, clip_names: Sequence[str], class_names: Sequence[str]
) -> None:
    """Writes ``predictions.csv`` (clip, label, prediction, each probability) and ``features.npz``."""
    clips = [clip_names[index] for index in predictions.index_N.tolist()]
    labels = predictions.label_N.tolist()
    predicted = predictions.prediction_N.tolist()
    with replacing(folder / "predictions.csv") as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "label", "prediction", *(f"p_{name}" for name in class_names)])
        for clip, label, guess, probabilities in zip(
            clips, labels, predicted, predictions.probability_NK.tolist(), strict=True
        ):
            row = [clip, class_names[label], class_names[guess]]
            writer.writerow(row + [f"{probability:.6f}" for probability in probabilities])
    with replacing(folder / "features.npz") as partial:
        np.savez_compressed(
            partial,
            features=predictions.features_NC.cpu().numpy().astype(np.float32),
            label=np.array(labels),
            prediction=np.array(predicted),
            clip=np.array(clips),
        )


def write_instances(
    folder: Path, clip_names: Sequence[str], weight_NT: Tensor | None, adjacency_TT: Tensor | None
) -> None:
    """Writes ``instances.npz``: what the network makes of the instances of each test clip.

    Args:
        folder: The run folder.
        clip_names: The N clips.
        weight_NT: WIAN's instance weights, not negative; without WIAN None, and there are no ``clip`` and ``weights``.
        adjacency_TT: GEIIM's A; without GEIIM None, and there is no ``adjacency``. Without both there is no file.
    """
    arrays: dict[str, Any] = {}
    if weight_NT is not None:
        arrays |= {"clip": np.array(clip_names), "weights": weight_NT.cpu().numpy()}
    if adjacency_TT is not None:
        arrays["adjacency"] = adjacency_TT.detach().float().cpu().numpy()
    if arrays:
        with replacing(folder / "instances.npz") as partial:
            np.savez(partial, **arrays)
