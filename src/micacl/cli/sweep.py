"""Remembers where a sweep lies, checks a single run before it has a folder, and summarises sweeps."""

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

# Bytes that Hydra and a run write before anything else.
_ROOM = 2**16


class SweepFolder(Callback):
    """Remembers the folder of a sweep, which Hydra does not tell once a job has failed, and checks a single run.

    A run is checked here because Hydra has not made its folder yet: a mistake leaves nothing behind. The jobs of a
    sweep check themselves, and record what is wrong.
    """

    path: ClassVar[Path | None] = None
    check: ClassVar[Callable[[DictConfig], object]]

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:  # noqa: ARG002 (Hydra's hook)
        """Hydra calls this before it makes the folder of a single run; of errors it lets through SystemExit alone."""
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            return  # the run finds the same, with a traceback
        options = copy.deepcopy(config)
        with read_write(options), open_dict(options):
            del options["hydra"]
        try:
            SweepFolder.check(options)
        except UserError as error:
            sys.exit(f"Error: {error}")
        _check_writable(Path(config.hydra.run.dir))

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:  # noqa: ARG002 (Hydra's hook)
        """Hydra calls this in the process that starts the sweep."""
        folder = Path(config.hydra.sweep.dir).absolute()
        _check_writable(folder)
        SweepFolder.path = folder


def _check_writable(folder: Path) -> None:
    """Ends the command with one message where Hydra would with a traceback."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b" " * _ROOM)
            file.flush()
    except OSError as error:
        sys.exit(f"Error: Cannot write to {folder}: {error.strerror or error}.")


def show_sweep(folder: Path) -> None:
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
