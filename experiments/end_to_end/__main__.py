"""Compares settings a and d of Table III with the backbone trained too: python -m experiments.end_to_end"""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.frozen.features import warm_start
from experiments.frozen.runs import RESULTS, append_rows, read_results
from experiments.frozen.settings import DATA
from experiments.frozen.tables import TAIL, values, write_between_marks
from micacl.data.expressions import CLASS_NAMES
from micacl.reporting.sweep.markdown import Align, markdown_table

FOLDER = Path(__file__).parent
RUNS = Path("runs/experiments_end_to_end")
SEEDS = (1, 2, 3)
SETTINGS = ("a", "d")
# Every clip once per epoch, as published methods train; the epoch is chosen on held-out training clips.
SHARED = ("dataset.sampler=uniform", "protocol=holdout", "fold=1", "training.epochs=3", "logger=none")


def main() -> None:
    """Trains the runs that results.csv lacks, one after the other, then writes the tables."""
    done = {(row["seed"], row["setting"]) for row in read_results(FOLDER)}
    for seed in SEEDS:
        for setting in SETTINGS:
            if (str(seed), setting) not in done:
                append_rows(FOLDER / RESULTS, _train(seed, setting))
    rows = read_results(FOLDER)
    readme = FOLDER / "README.md"
    text = readme.read_text(encoding="utf-8")
    for clips in ("held out", "test"):
        text = write_between_marks(text, clips, _table([row for row in rows if row["clips"] == clips]))
    readme.write_text(text, encoding="utf-8")


def _train(seed: int, setting: str) -> list[dict[str, str]]:
    """Trains with `micacl.train`, which resumes a stopped run; returns a row for held-out and one for test clips."""
    folder = RUNS / f"{setting}_seed_{seed}"
    options = [*DATA, f"model.backbone.weights={warm_start()}", *SHARED]
    options += [f"ablation={setting}", f"seed={seed}", f"hydra.run.dir={folder}"]
    subprocess.run([sys.executable, "-m", "micacl.train", *options], check=True)
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    recalls = [f"recall_{name}" for name in CLASS_NAMES]
    held_out = {name: float(last[f"validation/{name}"]) for name in ("war", "uar", *recalls)}
    results = json.loads((folder / "run.json").read_text(encoding="utf-8"))["results"]
    test = {"war": results["war"], "uar": results["uar"]}
    test |= {f"recall_{name}": results["recall"][name] for name in CLASS_NAMES}
    identity = {"setting": setting, "fold": "1", "seed": str(seed)}
    return [
        identity | {"clips": clips} | {name: f"{100 * rate:.4f}" for name, rate in rates.items()}
        for clips, rates in (("held out", held_out), ("test", test))
    ]


def _table(rows: list[dict[str, str]]) -> list[str]:
    """Makes a table with a row per seed and one for their mean: each rate of a, of d, and d's lead."""
    pairs = [_rates([row for row in rows if row["seed"] == str(seed)]) for seed in SEEDS]
    lines = [[str(seed), *_cells(rates)] for seed, rates in zip(SEEDS, pairs, strict=True)]
    lines.append(["mean", *_cells(np.mean(pairs, axis=0))])
    sides = (*SETTINGS, "d - a")
    header = ["seed", *(f"{name}: {side}" for name in ("WAR", "UAR", " and ".join(TAIL)) for side in sides)]
    align: list[Align] = ["right"] * len(header)
    return markdown_table(header, align, lines)


def _rates(rows: list[dict[str, str]]) -> NDArray[np.float64]:
    """Returns WAR, UAR and the tail's recall (rows) of a and d (columns), in per cent."""
    return np.array([[values(rows, setting, column)[0] for setting in SETTINGS] for column in ("war", "uar", "tail")])


def _cells(rates: NDArray[np.float64]) -> list[str]:
    return [cell for a, d in rates for cell in (f"{a:.1f}", f"{d:.1f}", f"{d - a:+.1f}")]


if __name__ == "__main__":
    main()
