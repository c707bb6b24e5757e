"""Adds the launcher for ``hydra/launcher=slurm`` to Hydra: submitit's, with a plain message when a job is cancelled.

Hydra finds launchers only here and imports all modules here, so none of them may import submitit at the top.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SubmititSlurmLauncher(Launcher):
    """Submits the jobs of a sweep to Slurm and waits for them.

    Args:
        options: The options of Hydra's own launcher for Slurm.
    """

    def __init__(self, **options: Any) -> None:
        from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher

        self._launcher = SlurmLauncher(**options)
        self._folder = Path()

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keeps the folder and sets submitit's launcher up; Hydra calls this first."""
        self._folder = Path(config.hydra.sweep.dir)
        self._launcher.setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Submits the jobs and waits for them; Hydra calls this with the options of each job.

        Raises:
            UsageError: If Slurm has ended a job before it had a result.
        """
        from submitit.core.utils import UncompletedJobError

        from micacl.cli.command import UsageError

        _watch_without_accounting()
        try:
            jobs: Sequence[JobReturn] = self._launcher.launch(job_overrides, initial_job_idx)
        except UncompletedJobError as error:
            what = " ".join(str(error).splitlines()[:2])  # the following lines are the job's output, many pages
            raise UsageError(
                f"Error: a job of this sweep was cancelled or killed: {what}. Other jobs continue. When they have "
                f"ended, the same command with hydra.sweep.dir={self._folder} resumes those that have not finished."
            ) from error
        return jobs


def _watch_without_accounting() -> None:
    """Makes submitit ask Slurm's controller for jobs that have ended, if Slurm keeps no accounts.

    Without accounts, submitit would wait for a cancelled job for ever. The controller forgets jobs, by default 5
    minutes after their end.
    """
    from submitit.slurm.slurm import SlurmInfoWatcher, SlurmJob

    class QueueWatcher(SlurmInfoWatcher):
        def _make_command(self) -> list[str]:
            return ["squeue", "--me", "--states=all", "--array", "--noheader", "--format=%i|%T|%N"]

        def read_info(self, string: bytes | str) -> dict[str, dict[str, str]]:
            text = string if isinstance(string, str) else string.decode()
            info: dict[str, dict[str, str]] = super().read_info(f"JobID|State|NodeList\n{text}")
            return info

    try:
        asked = subprocess.run(["sacct", "--noheader"], capture_output=True, check=False)
    except OSError:  # there is no Slurm here; submitit has a message for that
        return
    if asked.returncode != 0:
        SlurmJob.watcher = QueueWatcher(delay_s=60)
