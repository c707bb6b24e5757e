"""Hydra's launcher for ``hydra/launcher=slurm``: submitit's, which ends with one message where a job was cancelled.

Hydra takes launchers from this namespace alone, and imports all of it, so nothing here needs submitit on import.
"""

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
        options: Those of Hydra's own launcher for Slurm.
    """

    def __init__(self, **options: Any) -> None:
        from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher

        self._launcher = SlurmLauncher(**options)
        self._folder = Path()

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Hydra calls this first."""
        self._folder = Path(config.hydra.sweep.dir)
        self._launcher.setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Hydra calls this with the options of each job.

        Raises:
            UsageError: If Slurm has ended a job before it had a result.
        """
        from submitit.core.utils import UncompletedJobError

        from micacl.commandline import UsageError

        try:
            jobs: Sequence[JobReturn] = self._launcher.launch(job_overrides, initial_job_idx)
        except UncompletedJobError as error:
            what = " ".join(str(error).splitlines()[:2])  # what the job has said follows, pages of it
            raise UsageError(
                f"Error: a job of this sweep was cancelled or killed: {what}. Other jobs go on. When they have ended, "
                f"the same command with hydra.sweep.dir={self._folder} goes on with those that have not finished."
            ) from error
        return jobs
