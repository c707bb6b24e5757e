"""Reads a sweep: finds the runs that can be averaged and compared, and the jobs without a result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from micacl.errors import UserError
from micacl.reporting.published import PublishedTable, published_for
from micacl.reporting.sweep.aggregate import SettingRow, complete, setting_rows
from micacl.reporting.sweep.footnotes import footnotes
from micacl.reporting.text import UNDEFINED, number
from micacl.run_folder.find import find_jobs
from micacl.run_folder.record import RUN_FILE, Run, read_run

FAILED_COLUMNS = ("job", "setting", "fold", "seed", "status", "reason")


@dataclass(frozen=True)
class FailedJob:
    """A job of the sweep that has no result.

    Attributes:
        job: The job's folder, relative to the folder that was read; with that folder's name where several were read.
        status: "failed", "unfinished", "no result" (finished without a WAR) or "unreadable".
        reason: The reason in one line.
        run: The record of the run, if it can be read.
    """

    job: str
    status: str
    reason: str
    run: Run | None

    @property
    def cells(self) -> tuple[str, ...]:
        """The job as a row of a table, in the order of `FAILED_COLUMNS`."""
        if self.run is None:
            return self.job, UNDEFINED, UNDEFINED, UNDEFINED, self.status, self.reason
        return self.job, self.run.setting, number(self.run.fold), number(self.run.seed), self.status, self.reason


@dataclass(frozen=True)
class SummaryTable:
    """The part of a sweep that shares one data set and one set of classes; only such runs can be compared.

    Attributes:
        dataset: The data set's name.
        class_names: The classes in the order of the labels; empty if every run failed before it had read its data.
        runs: All runs, those without a result included.
        rows: One row for each setting.
        failed: The jobs without a result.
        published: The paper's figures for this data set, if there are any.
        footnotes: The sentences that a reader needs beside the figures.
    """

    dataset: str
    class_names: tuple[str, ...]
    runs: tuple[Run, ...]
    rows: tuple[SettingRow, ...]
    failed: tuple[FailedJob, ...]
    published: PublishedTable | None
    footnotes: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """A sweep, ready to be written and shown.

    Attributes:
        folders: The folders that were read together.
        tables: One table for each data set and set of classes.
        unreadable: The jobs whose run.json cannot be read.
    """

    folders: tuple[Path, ...]
    tables: tuple[SummaryTable, ...]
    unreadable: tuple[FailedJob, ...]


def read_sweep(*folders: Path) -> Summary:
    """Reads every job of one or several sweeps and averages each setting.

    Args:
        folders: Folders that Hydra's multirun wrote, any folders with run folders in them, or run folders. Jobs may
            still be running. A run that lies in several of the folders counts once.

    Raises:
        UserError: If there is no run in one of the folders.
    """
    runs = []
    unreadable = []
    names: dict[Path, str] = {}
    for folder, job in _find_jobs(folders).items():
        names[folder] = job
        try:
            runs.append(read_run(folder))
        except UserError as error:
            reason = str(error).replace(str(folder), job)  # the rest of the path says nothing about the job
            unreadable.append(FailedJob(job, "unreadable", _first_line(reason), None))
    groups: dict[tuple[str, tuple[str, ...]], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.dataset, _class_names(run, runs)), []).append(run)
    return Summary(
        folders=folders,
        tables=tuple(_table(members, class_names, names) for (_, class_names), members in groups.items()),
        unreadable=tuple(unreadable),
    )


def _find_jobs(folders: Sequence[Path]) -> dict[Path, str]:
    """Finds the job folders, each once, with its name."""
    names: dict[Path, str] = {}
    seen: set[Path] = set()
    for folder in folders:
        jobs = find_jobs(folder)
        if not jobs:
            raise UserError(
                f"{folder} holds no run: no folder in it has a {RUN_FILE}. Give the folder of a sweep or of one run."
            )
        prefix = f"{folder.resolve().name}/" if len(folders) > 1 else ""
        for job in jobs:
            if job.resolve() not in seen:
                seen.add(job.resolve())
                names[job] = folder.resolve().name if job == folder else prefix + job.relative_to(folder).as_posix()
    return names


def _class_names(run: Run, runs: Sequence[Run]) -> tuple[str, ...]:
    """Finds a run's classes; if it failed before it read its data, those of another run on the same data set."""
    same = [run] + [other for other in runs if other.dataset == run.dataset]
    return next((other.class_names for other in same if other.class_names), ())


def _table(runs: Sequence[Run], class_names: tuple[str, ...], names: Mapping[Path, str]) -> SummaryTable:
    rows = setting_rows(runs, class_names)
    shown = [run for run in runs if complete(run)] or runs
    published = published_for(
        runs[0].dataset, settings={run.setting for run in shown}, folds={run.fold for run in shown}
    )
    return SummaryTable(
        dataset=runs[0].dataset,
        class_names=class_names,
        runs=tuple(runs),
        rows=rows,
        failed=tuple(_failed(run, names[run.folder]) for run in runs if not complete(run)),
        published=published,
        footnotes=footnotes(rows, published),
    )


def _failed(run: Run, job: str) -> FailedJob:
    if run.status == "failed":
        return FailedJob(job, "failed", _first_line(run.error or "") or "it reported no error", run)
    if run.status == "interrupted":
        return FailedJob(job, "unfinished", _first_line(run.error or "") or "interrupted", run)
    if run.status == "running":
        return FailedJob(job, "unfinished", "still running, or killed", run)
    return FailedJob(job, "no result", f"finished, but its {RUN_FILE} holds no WAR and UAR", run)


def _first_line(error: str) -> str:
    """Finds the line that names the error: the first, or the last of a Python traceback."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    if not lines:
        return ""
    return lines[-1] if lines[0].startswith("Traceback (most recent call last)") else lines[0]
