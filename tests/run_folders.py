"""Run folders made by hand, as training leaves them."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from micacl.run_folder.config import CONFIG_FILE
from micacl.run_folder.features import FEATURES_FILE
from micacl.run_folder.metrics import METRICS_FILE
from micacl.run_folder.predictions import PREDICTIONS_FILE
from micacl.run_folder.record import RUN_FILE

CLASS_NAMES = ["happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear"]
HOSTILE_NAMES = ["a|b", "<script>alert(1)</script>", "[red]joy[/red]", "x, y & $z$", "naïve *ünï*_код_", "\x1b[31m`q`"]


def results(
    war: float | None, uar: float | None, recall: dict[str, float | None], best: tuple[float, float] | None = None
) -> dict[str, Any]:
    """The "results" of run.json; `best` is best-on-test WAR and UAR."""
    best_on_test = None if best is None else {"war": best[0], "war_epoch": 7, "uar": best[1], "uar_epoch": 5}
    return {"headline": "last epoch", "war": war, "uar": uar, "recall": recall, "best_on_test": best_on_test}


def write_record(folder: Path, **fields: Any) -> Path:
    """A run folder with nothing but its run.json; `fields` replace those of a finished run."""
    class_names = fields.get("class_names", CLASS_NAMES)
    record = {
        "status": "finished",
        "error": None,
        "dataset": "synthetic",
        "class_names": class_names,
        "fold": 1,
        "seed": 1,
        "setting": "default",
        "ablation": {"geiim": True, "wian": True, "mccl": True},
        "protocol": "published",
        "results": results(0.6, 0.5, dict.fromkeys(class_names, 0.5), (0.65, 0.55)),
        "git_commit": "0123456789abcdef",
        "versions": {"torch": "2.9"},
        "started": "2025-11-22T10:00:00",
        "seconds": 12.5,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RUN_FILE).write_text(json.dumps(record | fields), encoding="utf-8")
    return folder


def write_run(
    folder: Path, clips: Sequence[int], class_names: list[str] = CLASS_NAMES, sample: int = 0, **fields: Any
) -> Path:
    """A whole run folder whose figures follow from random predictions for `clips` test clips of each class."""
    rng = np.random.default_rng(sample)
    label = np.repeat(np.arange(len(clips)), clips)
    prediction = np.where(rng.random(len(label)) < 0.6, label, rng.integers(0, len(clips), len(label)))
    right = label == prediction
    # A quarter to all of what is left falls to the predicted class: overconfident at the upper end.
    sure = 0.25 + 0.75 * rng.random(len(label))
    probability = (1 - sure)[:, None] * rng.dirichlet(np.ones(len(clips)), len(label))
    probability[np.arange(len(label)), prediction] += sure
    recall = {name: float(right[label == k].mean()) if clips[k] else None for k, name in enumerate(class_names)}
    uar = float(np.mean([rate for rate in recall.values() if rate is not None]))
    war = float(right.mean())
    figures = results(war, uar, recall, (min(1, war + 0.01), min(1, uar + 0.02)))
    write_record(folder, **({"class_names": class_names, "results": figures} | fields))
    with (folder / PREDICTIONS_FILE).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["clip", "label", "prediction", *(f"p_{name}" for name in class_names)])
        for n, (k, j) in enumerate(zip(label, prediction, strict=True)):
            rows.writerow([f"{n:05d}", class_names[k], class_names[j], *(f"{p:.6f}" for p in probability[n])])
    (folder / CONFIG_FILE).write_text(f"fold: {fields.get('fold', 1)}\nmodel:\n  geiim:\n    embedding_dim: 10\n")
    write_metrics(folder, class_names, rng.random((5, 4)))
    features = rng.normal(size=(len(label), 512)).astype(np.float32) + 3 * np.eye(512, dtype=np.float32)[label]
    names = np.array([f"{n:05d}" for n in range(len(label))])
    np.savez(folder / FEATURES_FILE, features=features, label=label, prediction=prediction, clip=names)
    return folder


def write_metrics(folder: Path, class_names: list[str], values: NDArray[np.float64]) -> None:
    """A metrics.csv with a row of values, (loss, WAR, UAR and one recall), for each epoch."""
    with (folder / METRICS_FILE).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["epoch", "step", "train/total", "test/war", "test/uar", f"test/recall_{class_names[0]}"])
        for epoch, row in enumerate(values.tolist(), start=1):
            rows.writerow([epoch, 10 * epoch, *row])


def picture(shade: int, side: int = 32) -> bytes:
    """A JPEG of one shade of grey."""
    buffer = io.BytesIO()
    Image.new("L", (side, side), shade).save(buffer, "JPEG")
    return buffer.getvalue()


def write_images(path: Path, clips: Sequence[str], pictures: Sequence[bytes]) -> None:
    """An archive of encoded pictures, one for each clip's name; a name may come again."""
    offsets = np.cumsum([0, *map(len, pictures)])
    data = np.frombuffer(b"".join(pictures), dtype=np.uint8)
    np.savez(path, clip=np.array(clips), data=data, offsets=offsets)


def aliases_of_aliases(levels: int) -> str:
    """A YAML file of a few lines that stands for 10 to the power of `levels` words."""
    lines = ["bomb0: &bomb0 lol"]
    for level in range(1, levels + 1):
        lines.append(f"bomb{level}: &bomb{level} [{', '.join([f'*bomb{level - 1}'] * 10)}]")
    return "\n".join([*lines, ""])
