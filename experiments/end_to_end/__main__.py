"""The settings of Table III with the backbone trained too: python -m experiments.end_to_end"""

import csv
import json
import subprocess
import sys
from pathlib import Path

from experiments.frozen.features import warm_start
from experiments.frozen.figures import compare
from experiments.frozen.runs import RESULTS, append_rows, read_results
from experiments.frozen.settings import DATA
from experiments.frozen.tables import recall_table, settings_table, write_between_marks
from micacl.data.expressions import CLASS_NAMES

FOLDER = Path(__file__).parent
RUNS = Path("runs/experiments_end_to_end")
SETTINGS: dict[str, tuple[str, ...]] = {
    "a": ("ablation=a",),
    "c": ("ablation=c",),
    "d": (),
    "d, MCCL at full weight": ("loss.contrastive_weight=1",),
}
SEEDS = (1, 2, 3)
# Every clip once an epoch, as published methods train; epochs are chosen on held-out training clips.
SHARED = ("dataset.sampler=uniform", "training.epochs=3", "protocol=holdout", "fold=1", "logger=none")


def main() -> None:
    """Trains what is missing, one run after the other, then writes the tables and the figure."""
    done = {(row["setting"], row["seed"]) for row in read_results(FOLDER)}
    for seed in SEEDS:
        for setting in SETTINGS:
            if (setting, str(seed)) not in done:
                append_rows(FOLDER / RESULTS, _train(setting, seed))
    _write(read_results(FOLDER))


def _train(setting: str, seed: int) -> list[dict[str, str]]:
    """Trains by `micacl.train`, which goes on with a run that was stopped; a row each for held-out and test clips."""
    folder = RUNS / f"{setting.replace(', ', '_').replace(' ', '_')}_seed_{seed}"
    options = [*DATA, f"model.backbone.weights={warm_start()}", *SHARED, *SETTINGS[setting], f"seed={seed}"]
    subprocess.run([sys.executable, "-m", "micacl.train", *options, f"hydra.run.dir={folder}"], check=True)
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    held_out = {
        name: float(last[f"validation/{name}"]) for name in ("war", "uar", *map("recall_{}".format, CLASS_NAMES))
    }
    results = json.loads((folder / "run.json").read_text(encoding="utf-8"))["results"]
    test = {"war": results["war"], "uar": results["uar"]}
    test |= {f"recall_{name}": results["recall"][name] for name in CLASS_NAMES}
    return [_row(setting, seed, "holdout", held_out), _row(setting, seed, "published", test)]


def _row(setting: str, seed: int, protocol: str, rates: dict[str, float]) -> dict[str, str]:
    identity = {"setting": setting, "fold": "1", "seed": str(seed), "protocol": protocol}
    return identity | {name: f"{100 * rate:.4f}" for name, rate in rates.items()}


def _write(rows: list[dict[str, str]]) -> None:
    held_out, test = ([row for row in rows if row["protocol"] == name] for name in ("holdout", "published"))
    compare(held_out, list(SETTINGS), FOLDER / "settings.png")
    readme = FOLDER / "README.md"
    text = readme.read_text(encoding="utf-8")
    text = write_between_marks(text, "held out", settings_table(held_out, list(SETTINGS), "a"))
    text = write_between_marks(text, "test", settings_table(test, list(SETTINGS), "a"))
    text = write_between_marks(text, "recalls", recall_table(held_out, list(SETTINGS)))
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
