"""Writes and reads ``run.json``: what was run, how far it came, and its results. docs/run_folder.md lists its keys."""

import json
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast, get_args

from micacl.errors import UserError
from micacl.files import replacing
from micacl.run_folder.config import write_config
from micacl.run_folder.environment import git_state, package_versions
from micacl.run_folder.json_fields import FieldError, checked, field, flag, optional, rate

RUN_FILE = "run.json"
FORMAT = 1  # of the files of a run folder; 0, which no file states, had the same keys except "format"

Status = Literal["running", "finished", "interrupted", "failed"]


class NewerFormatError(UserError):
    """Reports a run folder that a newer version of micacl wrote."""


class RunRecord:
    """Writes the ``run.json`` of a run folder and keeps it up to date.

    Args:
        folder: The run folder; created if it is missing.
        about: The fields that identify the run (data set, classes, fold, seed, setting, ...).
        config_yaml: The resolved config.
        active: Whether to write; False for the processes of rank above 0.
        earlier: The record of the start that this one resumes; empty for a new run.
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
            "format": FORMAT,
            "status": "running",
            "error": None,
            **about,
            "results": None,
            **git_state(),
            "versions": package_versions(),
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
            write_config(self.folder, config_yaml)

    def update(self, **fields: Any) -> None:
        """Sets fields and writes the file, whole or not at all."""
        self._record |= fields
        self._record["seconds"] = round(time.monotonic() - self._start, 1)
        if self._active:
            _write(self.folder, self._record)


def amend_record(folder: Path, **fields: Any) -> None:
    """Sets fields of a ``run.json`` that another process has written."""
    _write(folder, json.loads((folder / RUN_FILE).read_text(encoding="utf-8")) | fields)


def _write(folder: Path, record: Mapping[str, Any]) -> None:
    with replacing(folder / RUN_FILE) as partial:
        partial.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Costs:
    """The costs of a network for one clip.

    Attributes:
        clip_shape: The shape of the clip, (3, F, H, W).
        parameters: The number of parameters.
        multiply_adds: The multiply-adds of convolutions and matrix products, as computed.
        multiply_adds_with_padding: The same with the temporal taps that meet nothing but padding.
        latency_ms: The median time of a batch of one clip on the run's device, in milliseconds.
        latency_repeats: The number of passes that the median is of.
    """

    clip_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    multiply_adds_with_padding: int
    latency_ms: float
    latency_repeats: int


@dataclass(frozen=True)
class BestOnTest:
    """The highest test WAR and the highest test UAR over all epochs, each chosen on the test split by itself.

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
        headline: The epoch of `war`, `uar` and `recall`, in words ("last epoch").
        war: Weighted average recall.
        uar: Unweighted average recall.
        recall: Recall of every class of the run; None for a class with no test clip.
        best_on_test: The test-selected figures, if the run kept them.
    """

    headline: str
    war: float | None
    uar: float | None
    recall: Mapping[str, float | None]
    best_on_test: BestOnTest | None


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was tested without training.

    Attributes:
        epoch: The epoch after which it was written, counted from 1.
        dataset: The data set that it was trained on; None where that is not recorded.
        fold: The fold that it was trained for; None where that is not recorded, or the data set has no folds.
    """

    epoch: int
    dataset: str | None
    fold: int | None


@dataclass(frozen=True)
class Run:
    """One run, read from its folder: a training, or the test of a checkpoint.

    Attributes:
        folder: The run folder.
        status: The status; a killed run leaves "running" behind.
        error: The error of a failed run, or what interrupted it.
        dataset: The data set's name.
        class_names: The classes in the order of the labels; empty until the run has read its data.
        fold: The fold that was tested; None for a data set without folds.
        seed: The seed; None for an unseeded run.
        setting: The job's overrides without fold and seed, or "default".
        protocol: "published", "holdout" or "checkpoint of" a run.
        results: The figures; None until the run has finished.
        git_commit: The commit of the code that ran, if known.
        git_changed: Whether that code had uncommitted changes; None if unknown.
        ablation: Whether each part of the method was on, by name; empty where not recorded.
        class_counts: The training clips of each class; None where not recorded.
        data_manifest: The hash of the data's manifest; None where not recorded.
        device: The device that the run computed on, if known.
        precision: The precision in which it computed, if known.
        versions: The version of each package that decides the figures.
        checkpoint: The checkpoint that was tested; None for a training.
        costs: The costs of the network; None where not recorded.
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
    precision: str | None
    versions: Mapping[str, str]
    checkpoint: Checkpoint | None
    costs: Costs | None


def read_run(folder: Path) -> Run:
    """Reads and checks one run folder.

    Args:
        folder: The run folder.

    Raises:
        NewerFormatError: If a newer version of micacl wrote it.
        UserError: If `folder` is not a run folder, or its run.json is damaged. The message names the file and the
            field.
    """
    fields = read_fields(folder)
    try:
        return _run(folder, fields)
    except FieldError as error:
        raise _damaged(folder, error) from error


def read_fields(folder: Path) -> dict[str, Any]:
    """Reads the fields of a run.json, of which nothing but the format is checked.

    Args:
        folder: The run folder.

    Raises:
        NewerFormatError: If a newer version of micacl wrote it.
        UserError: If `folder` is not a run folder, or its run.json is damaged.
    """
    path = folder / RUN_FILE
    try:
        fields = checked(dict, json.loads(path.read_text(encoding="utf-8")), "the file")
        version = optional(fields, "format", int) or 0
    except (FileNotFoundError, NotADirectoryError):
        what = f"it has no {RUN_FILE}" if folder.is_dir() else "no such folder"
        raise UserError(f"{folder} is not the folder of a run: {what}.") from None
    except FieldError as error:
        raise _damaged(folder, error) from error
    except (ValueError, RecursionError) as error:  # broken JSON and broken UTF-8 alike
        raise UserError(f"{path} is damaged and cannot be read as JSON: {error}") from error
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    if version > FORMAT:
        raise NewerFormatError(
            f"{path} has format {version}, and this version of micacl reads formats up to {FORMAT}: update micacl."
        )
    return fields


def _damaged(folder: Path, error: FieldError) -> UserError:
    return UserError(f"{folder / RUN_FILE} is damaged: {error}.")


def _run(folder: Path, record: dict[str, Any]) -> Run:
    status = field(record, "status", str)
    if status not in get_args(Status):
        raise FieldError(f'"status" is {status!r}, not one of {" ".join(get_args(Status))}')
    class_names = tuple(checked(str, name, '"class_names"') for name in field(record, "class_names", list))
    if len(set(class_names)) != len(class_names):
        raise FieldError('"class_names" names a class twice')
    results = optional(record, "results", dict)
    return Run(
        folder=folder,
        status=cast(Status, status),
        error=optional(record, "error", str),
        dataset=field(record, "dataset", str),
        class_names=class_names,
        fold=optional(record, "fold", int),
        seed=optional(record, "seed", int),
        setting=field(record, "setting", str),
        protocol=field(record, "protocol", str),
        results=None if results is None else _results(results, class_names),
        git_commit=optional(record, "git_commit", str),
        git_changed=flag(record.get("git_changed"), '"git_changed"'),
        ablation={name: bool(flag(on, f'"{name}"')) for name, on in (optional(record, "ablation", dict) or {}).items()},
        class_counts=_class_counts(record, class_names),
        data_manifest=optional(record, "data_manifest", str),
        device=optional(record, "device", str),
        precision=optional(record, "precision", str),
        versions={
            name: checked(str, version, '"versions"')
            for name, version in (optional(record, "versions", dict) or {}).items()
        },
        checkpoint=_checkpoint(optional(record, "checkpoint", dict)),
        costs=_costs(optional(record, "costs", dict)),
    )


def _checkpoint(record: dict[str, Any] | None) -> Checkpoint | None:
    if record is None:
        return None
    return Checkpoint(field(record, "epoch", int), optional(record, "dataset", str), optional(record, "fold", int))


def _class_counts(record: dict[str, Any], class_names: tuple[str, ...]) -> tuple[int, ...] | None:
    counts = optional(record, "class_counts", list)
    if counts is None:
        return None
    if len(counts) != len(class_names):
        raise FieldError(f'"class_counts" has {len(counts)} numbers for {len(class_names)} classes')
    if any(checked(int, count, '"class_counts"') < 0 for count in counts):
        raise FieldError('"class_counts" holds a negative number')
    return tuple(counts)


def _results(record: dict[str, Any], class_names: tuple[str, ...]) -> Results:
    recall = field(record, "recall", dict)
    if not recall or set(recall) != set(class_names):
        raise FieldError('"recall" does not name exactly the classes of "class_names"')
    best = optional(record, "best_on_test", dict)
    return Results(
        headline=field(record, "headline", str),
        war=rate(record, "war"),
        uar=rate(record, "uar"),
        recall={name: rate(recall, name) for name in class_names},
        best_on_test=None
        if best is None
        else BestOnTest(
            war=rate(best, "war"),
            war_epoch=optional(best, "war_epoch", int),
            uar=rate(best, "uar"),
            uar_epoch=optional(best, "uar_epoch", int),
        ),
    )


def _costs(record: dict[str, Any] | None) -> Costs | None:
    if record is None:
        return None
    costs = Costs(
        clip_shape=tuple(checked(int, size, '"clip_shape"') for size in field(record, "clip_shape", list)),
        parameters=field(record, "parameters", int),
        multiply_adds=field(record, "multiply_adds", int),
        multiply_adds_with_padding=field(record, "multiply_adds_with_padding", int),
        latency_ms=field(record, "latency_ms", float),
        latency_repeats=field(record, "latency_repeats", int),
    )
    if min(costs.parameters, costs.multiply_adds, costs.multiply_adds_with_padding, costs.latency_repeats) < 0:
        raise FieldError('"costs" holds a negative number')
    return costs
