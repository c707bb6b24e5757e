"""Runs a job on every device that its settings ask for, in one process for each where there are several."""

from collections.abc import Callable
from typing import TypeVar

from micacl.build.trainer import ranks_to_start
from micacl.process.ranks import run_in_ranks
from micacl.run.job import Job
from micacl.run.outcome import about_run
from micacl.run_folder.record import RUN_FILE, RunRecord, amend_record
from micacl.settings import Settings

ResultT = TypeVar("ResultT")


def run_on_devices(task: Callable[[Settings, Job], ResultT], settings: Settings, job: Job) -> ResultT:
    """Runs a job in this process, or in one process for each device where the trainer asks for several.

    Args:
        task: The job, a function of a module.
        settings: Its settings.
        job: What the command line says about it.

    Returns:
        What the task returned, on the first rank.

    Raises:
        UserError: If the task raised it on any rank, or a rank was killed.
        RankError: If anything else went wrong on a rank.
    """

    def record_end(status: str, error: str) -> None:
        """Records the end in ``run.json``, which the first rank may have been too late to begin."""
        if not (job.folder / RUN_FILE).is_file():
            RunRecord(job.folder, about_run(settings, job), job.config_yaml)
        amend_record(job.folder, status=status, error=error)

    return run_in_ranks(task, (settings, job), ranks_to_start(settings), record_end)
