"""Hooks into Hydra: remembers the folder of a sweep, and checks a single run before it has one. Summarizes sweeps."""

import copy
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict, read_write

from micacl.errors import UserError

# Bytes that Hydra and a run write first: a disk with less room is refused.
_ROOM = 2**16


class SweepFolder(Callback):
    """Remembers the folder of a sweep, which Hydra does not return once a job has failed, and checks a single run.

    A run is checked here, before Hydra makes its folder, so that a mistake leaves nothing behind. The jobs of a sweep
    check themselves, and record what is wrong.

    Attributes:
        path: The folder of the sweep; None in a single run.
        check: Checks the config of a single run.
    """

    path: ClassVar[Path | None] = None
    check: ClassVar[Callable[[DictConfig], object]]

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:  # noqa: ARG002 (Hydra's hook)
        """Checks a single run before Hydra makes its folder. Hydra lets no error through but SystemExit."""
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            return  # the run raises the same error, with a traceback
        options = copy.deepcopy(config)
        with read_write(options), open_dict(options):
            del options["hydra"]
        try:
            SweepFolder.check(options)
        except UserError as error:
            sys.exit(f"Error: {error}")
        _check_writable(Path(config.hydra.run.dir))

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:  # noqa: ARG002 (Hydra's hook)
        """Remembers the folder of the sweep, in the process that starts it."""
        folder = Path(config.hydra.sweep.dir).absolute()
        _check_writable(folder)
        SweepFolder.path = folder


def _check_writable(folder: Path) -> None:
    """Ends the command with one message if a folder cannot be written to, where Hydra would show a traceback."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b" " * _ROOM)
            file.flush()
    except OSError as error:
        sys.exit(f"Error: Cannot write to {folder}: {error.strerror or error}.")


def show_sweep(folder: Path) -> None:
    """Writes the table of a sweep, and shows it on the screen and in W&B."""
    from rich.console import Console  # only sweeps need it: --help stays fast

    from micacl.dashboard.sweep import log_sweep
    from micacl.reporting.sweep.screen import summary_screen
    from micacl.reporting.sweep.summary import summarize

    try:
        summary = summarize(folder)
    except UserError as error:
        sys.exit(f"Error: {error}")
    Console().print(summary_screen(summary))
    log_sweep(folder, summary)
