"""Reads what a run says of itself: the run.json in its folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from micacl.errors import UserError
from micacl.run_folder.fields import FieldError, checked, field, flag, optional, rate

RUN_FILE = "run.json"

Status = Literal["running", "finished", "interrupted", "failed"]


@dataclass(frozen=True)
class Costs:
    """A network's costs for one clip.

    Attributes:
        clip_shape: Of the clip, (3, F, H, W).
        parameters: How many.
        multiply_adds: Of convolutions and matrix products, as computed.
        multiply_adds_with_padding: The same with the temporal taps that meet nothing but padding.
        latency_ms: Median time of one clip in a batch of its own, in milliseconds, on the run's device.
        latency_repeats: How many passes the median is of.
    """

    clip_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    multiply_adds_with_padding: int
    latency_ms: float
    latency_repeats: int


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
        headline: Which epoch `war`, `uar` and `recall` belong to, in words ("last epoch").
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
    """A checkpoint that was tested without a training.

    Attributes:
        epoch: After which it was written.
        dataset: What it was trained on; None where that is not recorded.
        fold: Likewise.
    """

    epoch: int
    dataset: str | None
    fold: int | None


@dataclass(frozen=True)
class Run:
    """One run, read from its folder: a training, or the test of a checkpoint.

    Attributes:
        folder: Where it lies.
        status: "running" is also what a killed run leaves behind.
        error: What a failed run reported, or what interrupted it.
        dataset: The data set's name.
        class_names: In the order of the labels; empty until the run has read its data.
        fold: None for a data set without folds.
        seed: None for an unseeded run.
        setting: The job's overrides without fold and seed, or "default".
        protocol: "published", "holdout" or "checkpoint of" a run.
        results: None until the run has finished.
        git_commit: The code that ran, if known.
        git_changed: Whether that code was changed; None if unknown.
        ablation: Which parts of the method were on, by name; empty where not recorded.
        class_counts: Training clips of each class; None where not recorded.
        data_manifest: Hash of the data's manifest; None where not recorded.
        device: What the run computed on, if known.
        precision: In which it computed, if known.
        versions: Version of each package that decides the figures.
        checkpoint: What was tested; None for a training.
        costs: The network's; None where not recorded.
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
        UserError: If `folder` is no run folder, or its run.json is damaged. The message names the file and the field.
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
        return _run(folder, checked(dict, content, "the file"))
    except FieldError as error:
        raise UserError(f"{path} is damaged: {error}.") from error


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
        costs=read_costs(optional(record, "costs", dict)),
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


def read_costs(record: dict[str, Any] | None) -> Costs | None:
    """Reads the "costs" of run.json; None where there are none.

    Raises:
        FieldError: If a field is missing or of another type.
    """
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
