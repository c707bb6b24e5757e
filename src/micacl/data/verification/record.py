"""Writes the result of a check into a folder, and tells from it whether a run's data was checked."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from micacl.data.datasets.text_file import read_text
from micacl.data.split import Clip, Split
from micacl.data.verification.manifest import Manifest, manifest_hash, read_manifest, write_manifest
from micacl.data.verification.report import Report
from micacl.errors import UserError
from micacl.files import replacing

MANIFEST_NAME = "manifest.csv"
VERIFICATION_NAME = "verification.json"
PROBLEMS_NAME = "problems.csv"


@dataclass(frozen=True)
class DataState:
    """The state of a run's data.

    Attributes:
        verified: Whether the data was checked, the check passed, and the run's split is the one that was checked.
        manifest: The hash of the data's manifest, even if the check failed; None if the run's split was not checked.
        reason: The reason why the data is not verified; "" if it is.
    """

    verified: bool
    manifest: str | None
    reason: str


def write_verification(folder: Path, report: Report, manifest: Manifest) -> None:
    """Writes `manifest.csv`, `problems.csv` (every problem of every clip) and `verification.json`.

    Args:
        folder: The folder to write to, which must exist.
        report: The result of the check.
        manifest: The manifest of the data that was checked.

    Raises:
        UserError: If the folder cannot be written to.
    """
    write_manifest(folder / MANIFEST_NAME, manifest)
    with replacing(folder / PROBLEMS_NAME) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("clip", "problem", "detail"))
        writer.writerows((problem.clip, problem.problem, problem.detail) for problem in report.problems)
    # Written last, because its existence says that the manifest is complete.
    outcome = {
        "dataset": report.dataset,
        "manifest": manifest_hash(manifest),
        "wrong": [f"{finding.check}: {finding.found}" for finding in report.findings if not finding.is_ok],
    }
    with replacing(folder / VERIFICATION_NAME) as partial:
        partial.write_text(json.dumps(outcome, indent=2) + "\n", encoding="utf-8")


def data_state(folder: Path, split: Split, fold: int) -> DataState:
    """Tells whether the data of a run was checked.

    Files are not decoded again: a clip that was changed after the check is not noticed.

    Args:
        folder: The folder that `write_verification` wrote to.
        split: The run's split, before any clip is held out or skipped.
        fold: The fold of the split.
    """
    if not (folder / VERIFICATION_NAME).is_file():
        return DataState(False, None, "the data was not checked; run micacl.prepare")
    try:
        outcome = json.loads(read_text(folder / VERIFICATION_NAME))
        wrong = outcome["wrong"]
        manifest = read_manifest(folder / MANIFEST_NAME)
        is_whole = outcome["manifest"] == manifest_hash(manifest)
    except (UserError, ValueError, LookupError, TypeError):
        is_whole = False
    if not is_whole:
        return DataState(False, None, f"the check's files in {folder} are damaged; run micacl.prepare again")
    for part, clips in (("train", split.train), ("test", split.test)):
        if _checked(manifest, fold, part) != _clips(clips, split.class_names):
            return DataState(False, None, f"the {part} clips of fold {fold} are not those that were checked")
    reason = f"the check found: {'; '.join(map(str, wrong))}" if wrong else ""
    return DataState(not wrong, manifest_hash(manifest), reason)


def _checked(manifest: Manifest, fold: int, part: str) -> set[tuple[str, str]]:
    """Returns the name and class of each clip of one part, as checked."""
    return {
        (row.clip, row.class_name)
        for row in manifest
        if fold in (row.train_folds if part == "train" else row.test_folds)
    }


def _clips(clips: tuple[Clip, ...], class_names: tuple[str, ...]) -> set[tuple[str, str]]:
    return {(clip.name, class_names[clip.label]) for clip in clips}
