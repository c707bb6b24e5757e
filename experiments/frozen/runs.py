"""Runs many trainings in parallel and saves each result at once, so that a study that was stopped can be resumed."""

import csv
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from experiments.frozen.features import load_features
from experiments.frozen.settings import compose_settings
from experiments.frozen.training import train
from micacl.build.data import build_data
from micacl.data.cpus import available_cpus

RESULTS, TERMS = "results.csv", "terms.csv"


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        setting: The setting's name in the tables.
        overrides: The options that differ from the default, as on the command line of `micacl.train`.
        fold: The fold that tests.
        seed: The seed of everything random.
        protocol: The protocol: "published" measures test clips, "holdout" held-out training clips.
    """

    setting: str
    overrides: tuple[str, ...]
    fold: int
    seed: int
    protocol: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.setting, str(self.fold), str(self.seed), self.protocol


def grid(settings: dict[str, tuple[str, ...]], folds: Sequence[int], seeds: Sequence[int], protocol: str) -> list[Run]:
    """Lists the runs of every setting on every fold with every seed."""
    return [
        Run(setting, overrides, fold, seed, protocol)
        for seed in seeds
        for fold in folds
        for setting, overrides in settings.items()
    ]


def run_all(runs: Sequence[Run], folder: Path, keep_features: Sequence[Run] = (), frozen_stages: int = 4) -> None:
    """Trains the runs that results.csv lacks, and appends to it and to terms.csv.

    Args:
        runs: The trainings.
        folder: The folder in which the files are kept.
        keep_features: The runs whose evaluated features are kept too, as features_<setting>.npz.
        frozen_stages: The number of the backbone's stages that are not trained: all 4, or 3.
    """
    load_features(frozen_stages)  # once, before the processes need them
    done = {(row["setting"], row["fold"], row["seed"], row["protocol"]) for row in _rows(folder / RESULTS)}
    waiting = [run for run in runs if run.key not in done]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(available_cpus(), mp_context=context) as pool:
        futures = {
            pool.submit(_train, run, frozen_stages, folder if run in keep_features else None): run for run in waiting
        }
        for number, future in enumerate(as_completed(futures), start=1):
            result, terms = future.result()
            append_rows(folder / TERMS, terms)
            append_rows(folder / RESULTS, [result])
            print(
                f"{number}/{len(waiting)} {' '.join(futures[future].key)}: UAR {float(result['uar']):.1f}", flush=True
            )


def read_results(folder: Path) -> list[dict[str, str]]:
    """Reads the rows of results.csv."""
    return list(_rows(folder / RESULTS))


def read_terms(folder: Path) -> list[dict[str, str]]:
    """Reads the rows of terms.csv."""
    return list(_rows(folder / TERMS))


def _train(run: Run, frozen_stages: int, features_folder: Path | None) -> tuple[dict[str, str], list[dict[str, str]]]:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    settings = compose_settings([*run.overrides, f"fold={run.fold}", f"seed={run.seed}", f"protocol={run.protocol}"])
    data = build_data(settings)
    trained = train(settings, data.split, load_features(frozen_stages))
    names = data.split.class_names
    right = trained.label_N == trained.prediction_N
    recalls = [100 * float(right[trained.label_N == k].mean()) for k in range(len(names))]
    identity = dict(zip(("setting", "fold", "seed", "protocol"), run.key, strict=True))
    result = identity | {"war": f"{100 * right.mean():.4f}", "uar": f"{np.mean(recalls):.4f}"}
    result |= {f"recall_{name}": f"{recall:.4f}" for name, recall in zip(names, recalls, strict=True)}
    if features_folder is not None:
        np.savez_compressed(
            features_folder / f"features_{run.setting}.npz",
            features=trained.features_NC.astype(np.float16),
            label=trained.label_N,
            prediction=trained.prediction_N,
        )
    terms = [
        identity | {"epoch": str(int(row["epoch"])), "term": name, "value": f"{row[name]:.6g}",
                    "gradient_norm": f"{row[f'gradient_{name}']:.6g}"}
        for row in trained.terms
        for name in row
        if f"gradient_{name}" in row
    ]  # fmt: skip
    return result, terms


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file)


def append_rows(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """Appends rows to a CSV file, which is begun with a header if it does not exist."""
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.is_file()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerows(rows)
