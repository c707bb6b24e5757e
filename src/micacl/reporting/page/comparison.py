"""Groups the runs on one data set and one set of classes by setting, for a report to compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

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
        results = [(run.run.fold, run.run.results) for run in self.runs]
        return interval([(fold, found.war) for fold, found in results if found is not None and found.war is not None])

    @property
    def uar(self) -> Interval | None:
        """UAR over folds."""
        results = [(run.run.fold, run.run.results) for run in self.runs]
        return interval([(fold, found.uar) for fold, found in results if found is not None and found.uar is not None])


@dataclass(frozen=True)
class Comparison:
    """The runs on one data set and one set of classes.

    Attributes:
        table: The means, the published figures and the jobs without a result.
        settings: The settings with a finished run.
        unfinished: The files of the other runs.
        class_counts: The training clips of each class, the mean over runs; None where no run has recorded them.
        head_to_tail: Class indices by falling number of training clips, or of test clips where those are unknown.
        pair: The settings to compare with each other, at most two; the baseline and the whole method if both exist.
    """

    table: SummaryTable
    settings: tuple[Setting, ...]
    unfinished: tuple[RunFiles, ...]
    class_counts: tuple[float, ...] | None
    head_to_tail: tuple[int, ...]
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
    comparison = Comparison(
        table=table,
        settings=settings,
        unfinished=tuple(files for folder, files in found.items() if folder not in done),
        class_counts=_class_counts(table),
        head_to_tail=(),
        pair=_pair(settings),
    )
    frequency = comparison.class_counts or comparison.test_counts or [0] * len(table.class_names)
    order = sorted(range(len(frequency)), key=lambda k: -frequency[k])
    return replace(comparison, head_to_tail=tuple(order))


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
