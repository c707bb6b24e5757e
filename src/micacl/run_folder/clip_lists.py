"""Writes the lists of clips that a user should look at: ``skipped_clips.csv`` and ``non_finite_batch.csv``."""

from collections.abc import Iterable
from pathlib import Path

from micacl.run_folder.csv_file import write_rows

SKIPPED_FILE = "skipped_clips.csv"
NON_FINITE_FILE = "non_finite_batch.csv"


def write_skipped_clips(folder: Path, clips: Iterable[tuple[str, str, str]]) -> Path:
    """Lists the clips that cannot be decoded and are left out of a run.

    Args:
        folder: The run folder.
        clips: The name, the path and the reason of each clip.

    Returns:
        The path of the file.

    Raises:
        UserError: If the folder cannot be written to.
    """
    path = folder / SKIPPED_FILE
    write_rows(path, [{"clip": name, "path": where, "reason": reason} for name, where, reason in clips])
    return path


def write_non_finite_batch(folder: Path, clips: Iterable[tuple[str, str]], step: int) -> None:
    """Lists the clips of the batch whose loss was not finite.

    Args:
        folder: The run folder.
        clips: The name and the path of each clip.
        step: The number of optimizer steps before that batch.

    Raises:
        UserError: If the folder cannot be written to.
    """
    write_rows(folder / NON_FINITE_FILE, [{"clip": name, "path": where, "step": step} for name, where in clips])
