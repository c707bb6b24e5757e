"""Reads what a run says of itself: the run.json in its folder."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from micacl.errors import UserError

RUN_FILE = "run.json"
ROUNDING = 1e-6  # a mean of ones in 32 bits may come out above 1

Status = Literal["running", "finished", "failed"]
T = TypeVar("T")


@dataclass(frozen=True)
class BestOnTest:
    """The highest test WAR and the highest test UAR over all epochs, each picked for itself on the test split.

    Rates are fractions; None where the run measured none.
    """

    war: float | None
    war_epoch: int | None
    uar: float | None
    uar_epoch: int | None


@dataclass(frozen=True)
class Results:
    """A finished run's figures on the test split, as fractions; None where undefined.

    Attributes:
        headline: which epoch `war`, `uar` and `recall` belong to, in words ("last epoch").
        war: weighted average recall.
        uar: unweighted average recall.
        recall: recall of every class of the run; None for a class with no test clip.
        best_on_test: the test-selected figures, if the run kept them.
    """

    headline: str
    war: float | None
    uar: float | None
    recall: Mapping[str, float | None]
    best_on_test: BestOnTest | None


@dataclass(frozen=True)
class Run:
    """One training run, read from its folder.

    Attributes:
        folder: where it lies.
        status: "running" is also what a killed run leaves behind.
        error: what a failed run reported.
        dataset: the data set's name.
        class_names: in the order of the labels; empty until the run has read its data.
        fold: None for a data set without folds.
        seed: None for an unseeded run.
        setting: the job's overrides without fold and seed, or "default".
        protocol: "published" or "holdout".
        results: None until the run has finished.
        git_commit: the code that ran, if known.
        git_changed: whether that code was changed; None if unknown.
        ablation: which parts of the method were on, by name; empty where not recorded.
        class_counts: training clips of each class; None where not recorded.
        data_manifest: hash of the data's manifest; None where not recorded.
        device: what the run computed on, if known.
        versions: version of each package that decides the figures.
    """

    folder: Path
    status: Status
    error: str | None
    dataset: str
    class_names: tuple[str, ...]
    fold: int | None
    seed: int | None
    setting: str
    protocol: str
    results: Results | None
    git_commit: str | None
    git_changed: bool | None
    ablation: Mapping[str, bool]
    class_counts: tuple[int, ...] | None
    data_manifest: str | None
    device: str | None
    versions: Mapping[str, str]


def read_run(folder: Path) -> Run:
    """Reads and checks one run folder.

    Args:
        folder: the run folder.

    Raises:
        UserError: `folder` is no run folder, or its run.json is damaged. The message names the file and the field.
    """
    path = folder / RUN_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        what = "it has no run.json" if folder.is_dir() else "no such folder"
        raise UserError(f"{folder} is not the folder of a run: {what}.") from None
    except (ValueError, RecursionError) as error:  # broken JSON and broken UTF-8 alike
        raise UserError(f"{path} is damaged and cannot be read as JSON: {error}") from error
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    try:
        return _run(folder, _as(dict, content, "the file"))
    except _FieldError as error:
        raise UserError(f"{path} is damaged: {error}.") from error


def find_jobs(sweep_folder: Path) -> list[Path]:
    """The job folders anywhere below a sweep folder, or the folder itself if it is a run; job 10 comes after job 9.

    A job that died before it wrote a run.json is found too, by its number or by Hydra's `.hydra` folder. Links are not
    followed, so that a `latest` that points at a job does not count it twice.

    Args:
        sweep_folder: what Hydra's multirun wrote, or any folder of run folders.

    Raises:
        UserError: there is no such folder, or one in it cannot be read.
    """
    if not sweep_folder.is_dir():
        raise UserError(f"{sweep_folder}: no such folder.")
    try:
        jobs = _jobs_below(sweep_folder)
    except OSError as error:
        raise UserError(f"Cannot read {error.filename or sweep_folder}: {error.strerror or error}.") from error
    return sorted(jobs, key=lambda job: _natural(job.relative_to(sweep_folder).as_posix()))


def _jobs_below(folder: Path) -> list[Path]:
    if (folder / RUN_FILE).is_file():
        return [folder]
    jobs: list[Path] = []
    for child in folder.iterdir():
        if child.name.startswith(".") or child.is_symlink() or not child.is_dir():
            continue
        below = _jobs_below(child)
        died_early = not below and (child.name.isdecimal() or (child / ".hydra").is_dir())
        jobs += [child] if died_early else below
    return jobs


def _natural(text: str) -> list[str | int]:
    """Splits off the numbers, so that 10 sorts after 9; text and numbers alternate, so keys always compare."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", text)]


class _FieldError(Exception):
    """A field of run.json is not what it should be."""


def _run(folder: Path, record: dict[str, Any]) -> Run:
    status = _field(record, "status", str)
    if status not in ("running", "finished", "failed"):
        raise _FieldError(f'"status" is {status!r}, not running, finished or failed')
    class_names = tuple(_as(str, name, '"class_names"') for name in _field(record, "class_names", list))
    if len(set(class_names)) != len(class_names):
        raise _FieldError('"class_names" names a class twice')
    results = _optional(record, "results", dict)
    return Run(
        folder=folder,
        status=cast(Status, status),
        error=_optional(record, "error", str),
        dataset=_field(record, "dataset", str),
        class_names=class_names,
        fold=_optional(record, "fold", int),
        seed=_optional(record, "seed", int),
        setting=_field(record, "setting", str),
        protocol=_field(record, "protocol", str),
        results=None if results is None else _results(results, class_names),
        git_commit=_optional(record, "git_commit", str),
        git_changed=_flag(record.get("git_changed"), '"git_changed"'),
        ablation={
            name: bool(_flag(on, f'"{name}"')) for name, on in (_optional(record, "ablation", dict) or {}).items()
        },
        class_counts=_class_counts(record, class_names),
        data_manifest=_optional(record, "data_manifest", str),
        device=_optional(record, "device", str),
        versions={
            name: _as(str, version, '"versions"')
            for name, version in (_optional(record, "versions", dict) or {}).items()
        },
    )


def _class_counts(record: dict[str, Any], class_names: tuple[str, ...]) -> tuple[int, ...] | None:
    counts = _optional(record, "class_counts", list)
    if counts is None:
        return None
    if len(counts) != len(class_names):
        raise _FieldError(f'"class_counts" has {len(counts)} numbers for {len(class_names)} classes')
    if any(_as(int, count, '"class_counts"') < 0 for count in counts):
        raise _FieldError('"class_counts" holds a negative number')
    return tuple(counts)


def _flag(value: object, what: str) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise _FieldError(f"{what} is {value!r}, neither true nor false")
    return value


def _results(record: dict[str, Any], class_names: tuple[str, ...]) -> Results:
    recall = _field(record, "recall", dict)
    if not recall or set(recall) != set(class_names):
        raise _FieldError('"recall" does not name exactly the classes of "class_names"')
    best = _optional(record, "best_on_test", dict)
    return Results(
        headline=_field(record, "headline", str),
        war=_rate(record, "war"),
        uar=_rate(record, "uar"),
        recall={name: _rate(recall, name) for name in class_names},
        best_on_test=None
        if best is None
        else BestOnTest(
            war=_rate(best, "war"),
            war_epoch=_optional(best, "war_epoch", int),
            uar=_rate(best, "uar"),
            uar_epoch=_optional(best, "uar_epoch", int),
        ),
    )


def _rate(record: dict[str, Any], key: str) -> float | None:
    """A fraction; JSON's null and Python's NaN both mean that it is undefined."""
    value = record.get(key)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1 + ROUNDING:
        raise _FieldError(f'"{key}" is {value!r}, not a fraction from 0 to 1')
    return float(value)


def _field(record: dict[str, Any], key: str, kind: type[T]) -> T:
    if key not in record:
        raise _FieldError(f'"{key}" is missing')
    return _as(kind, record[key], f'"{key}"')


def _optional(record: dict[str, Any], key: str, kind: type[T]) -> T | None:
    value = record.get(key)
    return None if value is None else _as(kind, value, f'"{key}"')


def _as(kind: type[T], value: object, what: str) -> T:
    if not isinstance(value, kind) or isinstance(value, bool):  # Python counts True as the integer 1
        raise _FieldError(f"{what} is {value!r}, not of type {kind.__name__}")
    return value
