"""Adds the sweeper for ``experiment=search`` to Hydra, which finds sweepers only here and imports all modules here."""

from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from micacl.errors import UserError


class SearchSweeper(Sweeper):
    """Searches for the options with the highest UAR on held-out training clips.

    Args:
        trials: The number of jobs in all, including those of earlier starts in the same folder.
        at_once: The number of jobs that the launcher gets at once.
        seed: The seed for the choice of options.
        space: The range of each option, in Hydra's syntax: ``interval(0,1)``, ``tag(log,interval(1e-5,1e-3))``,
            ``range(1,9)``, ``choice(16,32)``. The command line takes precedence.
    """

    def __init__(self, trials: int, at_once: int, seed: int, space: DictConfig) -> None:
        self._trials = trials
        self._at_once = at_once
        self._seed = seed
        self._space = space
        self._launcher: Launcher | None = None
        self._folder = Path()

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keeps the folder and makes the launcher; Hydra calls this first."""
        self._folder = Path(config.hydra.sweep.dir)
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Runs the search; Hydra calls this with the options of the command line."""
        from micacl.cli.command import UsageError
        from micacl.cli.search import search  # imports Optuna, which only a search needs

        assert self._launcher is not None
        space = [f"{name!s}={values}" for name, values in self._space.items()]
        overrides = [*space, *arguments]
        try:
            search(self._folder, self._launcher.launch, overrides, self._trials, self._at_once, self._seed)
        except UserError as error:
            raise UsageError(f"Error: {error}") from error
