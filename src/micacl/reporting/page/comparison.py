"""Groups the runs on one data set and one set of classes by setting, for a report to compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from micacl.reporting.page.run_files import RunFiles, read_run_files
from micacl.reporting.sweep.aggregate import SettingRow
from micacl.reporting.sweep.interval import Interval, interval
from micacl.reporting.sweep.read import SummaryTable
from micacl.reporting.text import number, one_line


@dataclass(frozen=True)
class Setting:
    """One setting of a comparison.

    Attributes:
        row: The means over runs.
        label: The name, with the role where it is the baseline or the whole method; no two are alike.
        position: The position among the settings, which decides the colour.
        runs: The files of each finished run.
    """

    row: SettingRow
    label: str
    position: int
    runs: tuple[RunFiles, ...]

    @property
    def counted(self) -> tuple[RunFiles, ...]:
        """The runs whose predictions can be counted."""
        return tuple(run for run in self.runs if run.predictions is not None)

    @property
    def confusions(self) -> dict[str, NDArray[np.int64]]:
        """Confusion matrices by title: all runs pooled, if there are several, then each run."""
        runs: dict[str, NDArray[np.int64]] = {}
        for run in self.counted:
            assert run.predictions is not None  # `counted` has left out the others
            name = describe_run(run)
            times = 1 + sum(describe_run(other) == name for other in self.counted[: len(runs)])
            runs[name if times == 1 else f"{name} ({times})"] = run.predictions.confusion  # a fold may have run twice
        if len(runs) < 2:
            return runs
        return {f"all {len(runs)} runs pooled": np.sum(list(runs.values()), axis=0), **runs}

    @property
    def war(self) -> Interval | None:
        """WAR over folds."""
        return self._interval("war")

    @property
    def uar(self) -> Interval | None:
        """UAR over folds."""
        return self._interval("uar")

    def _interval(self, rate: Literal["war", "uar"]) -> Interval | None:
        measured = [(run.run.fold, getattr(run.run.results, rate, None)) for run in self.runs]
        return interval([(fold, value) for fold, value in measured if value is not None])


@dataclass(frozen=True)
class Comparison:
    """The runs on one data set and one set of classes.

    Attributes:
        table: The means, the published figures and the jobs without a result.
        settings: The settings with a finished run.
        unfinished: The files of the other runs.
        class_counts: The training clips of each class, the mean over runs; None where no run has recorded them.
        pair: The settings to compare with each other, at most two; the baseline and the whole method if both exist.
    """

    table: SummaryTable
    settings: tuple[Setting, ...]
    unfinished: tuple[RunFiles, ...]
    class_counts: tuple[float, ...] | None
    pair: tuple[Setting, ...]

    @property
    def class_names(self) -> list[str]:
        """The class names in the order of the labels, one line each."""
        return [one_line(name) for name in self.table.class_names]

    @property
    def test_counts(self) -> tuple[float, ...] | None:
        """The test clips of each class, the mean over runs; None where no run's predictions can be counted."""
        counts = [run.predictions.confusion.sum(axis=1) for setting in self.settings for run in setting.runs
                  if run.predictions is not None]  # fmt: skip
        return tuple(np.mean(counts, axis=0).tolist()) if counts else None

    @property
    def frequency(self) -> tuple[Literal["training", "test"], tuple[float, ...]]:
        """The training clips of each class, or the test clips where those are unknown; empty where both are."""
        if self.class_counts is not None:
            return "training", self.class_counts
        return "test", self.test_counts or ()

    @property
    def head_to_tail(self) -> tuple[int, ...]:
        """The class indices by falling number of clips."""
        _, counts = self.frequency
        return tuple(sorted(range(len(self.table.class_names)), key=lambda k: -counts[k] if counts else 0))

    @property
    def all_runs(self) -> tuple[RunFiles, ...]:
        """The files of every run, those of unfinished runs last."""
        return tuple(run for setting in self.settings for run in setting.runs) + self.unfinished


def compare(table: SummaryTable) -> Comparison:
    """Reads the files of all runs of a table.

    Args:
        table: The table of one data set and one set of classes.
    """
    found = {run.folder: read_run_files(run) for run in table.runs}
    measured = [row for row in table.rows if row.runs]
    labels = _labels(measured)
    settings = tuple(
        Setting(row, label, position, tuple(found[run.folder] for run in row.runs))
        for position, (row, label) in enumerate(zip(measured, labels, strict=True))
    )
    done = {run.folder for row in measured for run in row.runs}
    return Comparison(
        table=table,
        settings=settings,
        unfinished=tuple(files for folder, files in found.items() if folder not in done),
        class_counts=_class_counts(table),
        pair=_pair(settings),
    )


def describe_run(files: RunFiles) -> str:
    """Names a run within its setting: `fold 1, seed 3`."""
    return f"fold {number(files.run.fold)}, seed {number(files.run.seed)}"


def shown_path(folder: Path) -> str:
    """Shortens a run folder to its last two parts: enough to find it, without the paths of someone's machine."""
    return "/".join(folder.resolve().parts[-2:])


def _role(ablation: Mapping[str, bool]) -> str | None:
    if not ablation:
        return None
    return "MICACL" if all(ablation.values()) else None if any(ablation.values()) else "baseline"


def _role_of(row: SettingRow) -> str | None:
    roles = {_role(run.ablation) for run in row.runs}
    return roles.pop() if len(roles) == 1 else None


def _labels(rows: Sequence[SettingRow]) -> list[str]:
    """Labels the settings, with protocol and choice of epoch only where their names alone would be alike."""
    labels: list[str] = []
    for row in rows:
        role = _role_of(row)
        alike = sum(other.setting == row.setting for other in rows) > 1
        label = f"{role} ({row.setting})" if role else row.setting
        shown = one_line(f"{label}, {row.protocol}, {row.headline}" if alike else label)
        labels.append(f"{shown} ({len(labels) + 1})" if shown in labels else shown)
    return labels


def _pair(settings: Sequence[Setting]) -> tuple[Setting, ...]:
    """Finds the baseline and the whole method; without both, the first two settings."""
    roles = [_role_of(setting.row) for setting in settings]
    if "baseline" in roles and "MICACL" in roles:
        return settings[roles.index("baseline")], settings[roles.index("MICACL")]
    return tuple(settings[:2])


def _class_counts(table: SummaryTable) -> tuple[float, ...] | None:
    counts = [run.class_counts for run in table.runs if run.class_counts]
    return tuple(np.mean(counts, axis=0).tolist()) if counts else None
