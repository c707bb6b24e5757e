"""Checks a sweep for leaks: counts memory, open files, threads and child processes after each of its jobs.

    python benchmarks/leaks.py                  50 jobs, W&B offline, one loader worker
    python benchmarks/leaks.py --logger none

Each job trains and tests a tiny network (a backbone of 25,000 parameters) on the built-in data, and writes its folder
with all figures. The table goes to `--out`; the last lines compare the last job with the fifth.
"""

import argparse
import csv
import gc
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from torch import Tensor, nn

import micacl.run.training
from micacl.build.network import NETWORKS, NetworkKind, micacl_arguments, start_micacl
from micacl.models import MICACL
from micacl.run.job import Job
from micacl.settings import Settings
from micacl.train import main as train

WARM_UP = 5  # jobs after which libraries have loaded all that they keep
LIMIT = 0.05  # growth after the warm-up that counts as a leak
TINY = (
    "model.name=small",
    "dataset.synthetic.num_clips=35",
    "dataset.synthetic.num_subjects=5",
    "dataset.synthetic.min_clips_per_class_and_fold=1",
    "dataset.synthetic.frame_size=32",
    "dataset.size=16",
    "cache.size=32",
    "dataset.num_workers=1",
    "model.num_frames=4",
    "model.instance_length=2",
    "training.epochs=1",
    "training.batch_size=8",
    "trainer=cpu",
)


class SmallBackbone(nn.Module):
    """Has the features of R3D-18 for a thousandth of its work."""

    feature_dim = 512

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(48, self.feature_dim)

    def forward(self, instances_NCLHW: Tensor) -> Tensor:
        features_NC: Tensor = self.project(nn.functional.adaptive_avg_pool3d(instances_NCLHW, (1, 4, 4)).flatten(1))
        return features_NC


def small_network(num_classes: int, **arguments: Any) -> MICACL:
    """MICACL on the small backbone."""
    return MICACL(num_classes, **arguments, backbone=SmallBackbone())


def measured(run: Callable[[Settings, Job], None], rows: list[dict[str, int]]) -> Callable[[Settings, Job], None]:
    """Wraps the run so that it appends a row of what the process holds when it ends."""
    process = psutil.Process()

    def run_and_measure(settings: Settings, job: Job) -> None:
        run(settings, job)
        gc.collect()
        rows.append(
            {
                "job": len(rows) + 1,
                "resident_kib": process.memory_info().rss // 1024,
                "open_files": process.num_fds(),
                "threads": process.num_threads(),
                "children": len(process.children(recursive=True)),
            }
        )

    return run_and_measure


def growth(rows: list[dict[str, int]], column: str) -> float:
    """Computes the relative growth from the fifth job's figure to the last one's."""
    return rows[-1][column] / rows[WARM_UP - 1][column] - 1


def main() -> None:
    """Runs the sweep, and exits with status 1 if it leaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--logger", default="wandb", choices=("wandb", "none"))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args()
    os.environ["WANDB_MODE"] = "offline"
    NETWORKS["small"] = NetworkKind(small_network, micacl_arguments, start_micacl)
    rows: list[dict[str, int]] = []
    setattr(micacl.run.training, "run", measured(micacl.run.training.run, rows))  # noqa: B010  the command looks there
    with tempfile.TemporaryDirectory() as folder:
        places = [f"cache.dir={folder}/cache", f"hydra.sweep.dir={folder}/sweep"]
        seeds = f"seed=1..{options.jobs}"
        sys.argv = ["train.py", *TINY, f"logger={options.logger}", *places, seeds, "-m"]
        train()
    with options.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=rows[0])
        writer.writeheader()
        writer.writerows(rows)
    leaks = False
    for column in ("resident_kib", "open_files"):
        print(f"{column}: {rows[WARM_UP - 1][column]} after job {WARM_UP}, {rows[-1][column]} after job {len(rows)}")
        leaks = leaks or growth(rows, column) > LIMIT
    sys.exit(int(leaks))


if __name__ == "__main__":
    main()
