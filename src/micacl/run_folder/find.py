"""Finds the run folders of a sweep."""

import re
from pathlib import Path

from micacl.errors import UserError
from micacl.run_folder.record import RUN_FILE


def find_jobs(sweep_folder: Path) -> list[Path]:
    """Finds the job folders anywhere below a sweep folder, or the folder itself if it is a run; job 10 follows job 9.

    A job that died before it wrote its run.json is found too, by its number or by Hydra's `.hydra` folder. Links are
    not followed, so that a link `latest` to a job does not count it twice.

    Args:
        sweep_folder: The folder that Hydra's multirun wrote, or any folder of run folders.

    Raises:
        UserError: If there is no such folder, or one in it cannot be read.
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
