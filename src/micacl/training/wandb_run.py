"""The run in Weights & Biases: online where the user is logged in, offline otherwise, never in the way."""

import csv
import json
import logging
import netrc
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

log = logging.getLogger(__name__)

_SERVER = "https://api.wandb.ai"
_INIT_TIMEOUT_SECONDS = 30


def start_wandb(folder: Path, project: str, name: str, group: str | None, config: dict[str, Any]) -> Any | None:
    """Starts a W&B run without ever asking or waiting for long.

    Args:
        folder: The run folder, which gets a ``wandb`` folder.
        project: W&B project.
        name: Display name.
        group: What the runs of one sweep share.
        config: The resolved config.

    Returns:
        The W&B run, or None where W&B does not work here: a training does not depend on it.
    """
    os.environ.setdefault("WANDB_SILENT", "true")
    try:
        import wandb

        mode: Any = os.environ.get("WANDB_MODE") or ("online" if is_logged_in() else "offline")
        settings = wandb.Settings(init_timeout=_INIT_TIMEOUT_SECONDS, console="off", silent=True)
        arguments: dict[str, Any] = {
            "dir": folder,
            "project": project,
            "name": name,
            "group": group,
            "config": config,
            "settings": settings,
            "reinit": "finish_previous",
        }
        try:
            return wandb.init(mode=mode, **arguments)
        except wandb.errors.CommError as error:
            log.warning("W&B cannot be reached (%s); this run is logged offline", error)
            return wandb.init(mode="offline", **arguments)
    except Exception as error:  # whatever W&B runs into, the training goes on
        log.warning("W&B does not work here (%s); this run goes on without it", error)
        return None


def is_logged_in() -> bool:
    """Whether W&B would find a key for its server, in the environment or in the user's netrc."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL") or _SERVER).hostname
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    try:
        return host is not None and netrc.netrc(str(path)).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def finish_wandb(run: Any, folder: Path, failed: bool) -> None:
    """Logs what the run folder ended with, figures, predictions and headline rates, and closes the run.

    Args:
        run: The W&B run.
        folder: The run folder.
        failed: Whether the run ended with an error.
    """
    try:
        import wandb

        for figure in sorted(folder.glob("*.png")):
            run.log({figure.stem: wandb.Image(str(figure))})
        if (folder / "predictions.csv").exists():
            with (folder / "predictions.csv").open(newline="", encoding="utf-8") as file:
                header, *rows = csv.reader(file)
            run.log({"predictions": wandb.Table(columns=list(header), data=rows)})
        results = json.loads((folder / "run.json").read_text(encoding="utf-8"))["results"]
        if results is not None:
            run.summary.update({"headline": results})
        run.finish(exit_code=int(failed))
    except Exception as error:  # whatever W&B runs into, the run folder has everything
        log.warning("W&B did not take the end of this run (%s); the run folder has everything", error)
