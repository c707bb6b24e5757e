"""The settings of Table III with the backbone trained too: python -m experiments.end_to_end"""

import csv
import json
import subprocess
import sys
from pathlib import Path

from experiments.frozen.features import warm_start
from experiments.frozen.runs import RESULTS, append_rows, read_results
from experiments.frozen.settings import DATA
from experiments.frozen.tables import TAIL, write_between_marks
from micacl.data.expressions import CLASS_NAMES
from micacl.reporting.markdown import Align, markdown_table

FOLDER = Path(__file__).parent
RUNS = Path("runs/experiments_end_to_end")
# Epochs and setting, in the order of what they tell.
TRAININGS = ((3, "a"), (3, "c"), (3, "d"), (6, "a"), (6, "d"))
# Every clip once an epoch, as published methods train; the epoch is chosen on held-out training clips.
SHARED = ("dataset.sampler=uniform", "protocol=holdout", "fold=1", "seed=1", "logger=none")


def main() -> None:
    """Trains what is missing, one run after the other, then writes the table."""
    done = {(row["epochs"], row["setting"]) for row in read_results(FOLDER)}
    for epochs, setting in TRAININGS:
        if (str(epochs), setting) not in done:
            append_rows(FOLDER / RESULTS, _train(epochs, setting))
    rows = read_results(FOLDER)
    table = [_cells(rows, str(epochs), setting) for epochs, setting in TRAININGS]
    header = ["epochs", "setting"]
    header += [f"{part}: {name}" for part in ("held out", "test") for name in ("WAR", "UAR", " and ".join(TAIL))]
    align: list[Align] = ["left" if name == "setting" else "right" for name in header]
    lines = markdown_table(header, align, table)
    readme = FOLDER / "README.md"
    readme.write_text(write_between_marks(readme.read_text(encoding="utf-8"), "rates", lines), encoding="utf-8")


def _train(epochs: int, setting: str) -> list[dict[str, str]]:
    """Trains by `micacl.train`, which goes on with a run that was stopped; a row each for held-out and test clips."""
    folder = RUNS / f"{setting}_{epochs}_epochs"
    options = [*DATA, f"model.backbone.weights={warm_start()}", *SHARED]
    options += [f"ablation={setting}", f"training.epochs={epochs}", f"hydra.run.dir={folder}"]
    subprocess.run([sys.executable, "-m", "micacl.train", *options], check=True)
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    recalls = [f"recall_{name}" for name in CLASS_NAMES]
    held_out = {name: float(last[f"validation/{name}"]) for name in ("war", "uar", *recalls)}
    results = json.loads((folder / "run.json").read_text(encoding="utf-8"))["results"]
    test = {"war": results["war"], "uar": results["uar"]}
    test |= {f"recall_{name}": results["recall"][name] for name in CLASS_NAMES}
    identity = {"epochs": str(epochs), "setting": setting}
    return [
        identity | {"clips": clips} | {name: f"{100 * rate:.4f}" for name, rate in rates.items()}
        for clips, rates in (("held out", held_out), ("test", test))
    ]


def _cells(rows: list[dict[str, str]], epochs: str, setting: str) -> list[str]:
    found = {row["clips"]: row for row in rows if (row["epochs"], row["setting"]) == (epochs, setting)}
    cells = [epochs, setting]
    for clips in ("held out", "test"):
        row = found[clips]
        tail = sum(float(row[f"recall_{name}"]) for name in TAIL) / len(TAIL)
        cells += [f"{rate:.1f}" for rate in (float(row["war"]), float(row["uar"]), tail)]
    return cells


if __name__ == "__main__":
    main()
