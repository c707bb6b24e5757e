"""Logs a run to Weights & Biases, online where the user is logged in and offline otherwise, and never stops a run."""

import logging
import netrc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

log = logging.getLogger(__name__)

_SERVER = "https://api.wandb.ai"
_INIT_TIMEOUT_SECONDS = 30
# How long the end of a run may wait for uploads; what is left then is in the folder for `wandb sync`.
_FINISH_TIMEOUT_SECONDS = 600


class Session:
    """Wraps a W&B run so that it never raises: it reports the first failure and drops whatever comes after it.

    Args:
        run: The W&B run; None where W&B is not used or does not work here.
        folder: The run folder.
    """

    def __init__(self, run: Any | None = None, folder: Path | None = None) -> None:
        self._run = run
        self._folder = folder

    @property
    def active(self) -> bool:
        """Tells whether there is a W&B run to log to."""
        return self._run is not None

    def log(self, values: Mapping[str, Any]) -> None:
        """Logs numbers, charts, tables and pictures, by name."""
        self._log(values)

    def log_epoch(self, row: Mapping[str, float]) -> None:
        """Logs a row of ``metrics.csv``; W&B ignores a row that it has from before the run was resumed."""
        self._log(row, step=int(row["epoch"]), commit=True)

    def _log(self, values: Mapping[str, Any], **options: Any) -> None:
        if self._run is None:
            return
        try:
            with _staging_in(self._folder):
                self._run.log(dict(values), **options)
        except Exception as error:  # whatever W&B runs into, the training continues
            self._give_up(error)

    def summarize(self, values: Mapping[str, Any]) -> None:
        """Sets what W&B lists beside the run's name."""
        if self._run is None:
            return
        try:
            self._run.summary.update(dict(values))
        except Exception as error:
            self._give_up(error)

    def finish(self, failed: bool) -> None:
        """Closes the run.

        Args:
            failed: Whether the run ended with an error.
        """
        if self._run is None:
            return
        try:
            self._run.finish(exit_code=int(failed))
        except Exception as error:
            self._give_up(error)
        self._run = None

    def _give_up(self, error: Exception) -> None:
        reason = str(error) or type(error).__name__
        log.warning("W&B stopped working (%s); the run folder has everything, W&B has not", reason)
        self._run = None
        with suppress(Exception):
            import wandb

            wandb.teardown()  # whatever state its service is in: the next run of a sweep starts a new one


def start_session(
    folder: Path,
    project: str,
    name: str,
    group: str | None,
    config: Mapping[str, Any],
    job_type: str,
    run_id: str | None = None,
) -> Session:
    """Starts a W&B run, without asking the user anything and without waiting for long.

    Args:
        folder: The run folder, which gets a ``wandb`` folder.
        project: The W&B project.
        name: The display name of the run.
        group: The name that the runs of one sweep share.
        config: The resolved config.
        job_type: "train", or "summary" of a sweep.
        run_id: W&B's name of the run, by which a resumed run is found; if None, W&B makes one up.

    Returns:
        The session; an inactive one where W&B does not work, as a training does not depend on it.
    """
    os.environ.setdefault("WANDB_SILENT", "true")
    try:
        import wandb

        mode: Any = os.environ.get("WANDB_MODE") or ("online" if is_logged_in() else "offline")
        settings = wandb.Settings(
            init_timeout=_INIT_TIMEOUT_SECONDS, finish_timeout=_FINISH_TIMEOUT_SECONDS, console="off", silent=True
        )
        arguments: dict[str, Any] = {
            "dir": folder,
            "project": project,
            "name": name,
            "group": group,
            "job_type": job_type,
            "id": run_id,
            "config": dict(config),
            "settings": settings,
            "reinit": "finish_previous",
        }
        try:
            # Offline there is nothing to resume: the rows are logged again, and replace the first ones when synced.
            resume: Any = "allow" if run_id is not None and mode == "online" else None
            run = wandb.init(mode=mode, resume=resume, **arguments)
        except wandb.errors.CommError as error:
            log.warning("W&B cannot be reached (%s); this run is logged offline", error)
            run = wandb.init(mode="offline", **arguments)
        run.define_metric("*", step_metric="epoch")
        return Session(run, folder)
    except Exception as error:  # whatever W&B runs into, the training continues
        log.warning("W&B does not work here (%s); this run continues without it", error)
        return Session()


@contextmanager
def _staging_in(folder: Path | None) -> Iterator[None]:
    """Keeps the pictures of offline tables in the run folder: in the user's cache they would be lost with it."""
    if folder is None or os.environ.get("WANDB_DATA_DIR"):
        yield
        return
    os.environ["WANDB_DATA_DIR"] = str(folder.absolute() / "wandb")
    try:
        yield
    finally:
        del os.environ["WANDB_DATA_DIR"]


def is_logged_in() -> bool:
    """Checks whether W&B would find a key for its server, in the environment or in the user's netrc."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL") or _SERVER).hostname
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    try:
        return host is not None and netrc.netrc(str(path)).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
