"""Logs the end of a run to W&B: charts, tables and pictures, all made from its folder."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import wandb

from micacl.dashboard.clips import clips_to_show_table, predictions_table, tsne_table
from micacl.dashboard.confusion import confusion_charts
from micacl.dashboard.session import Session
from micacl.errors import UserError
from micacl.run_folder.names import ADJACENCY_FILE, CONFUSION_MATRIX_FILE, INSTANCE_WEIGHTS_FILE, TSNE_FILE
from micacl.run_folder.record import Run, read_run

log = logging.getLogger(__name__)

PICTURES = {
    "confusion_matrix/picture": CONFUSION_MATRIX_FILE,
    "tsne/picture": TSNE_FILE,
    "instances/adjacency": ADJACENCY_FILE,
    "instances/weights": INSTANCE_WEIGHTS_FILE,
}


def log_end_of_run(session: Session, folder: Path) -> None:
    """Logs the results of a run folder; an item that cannot be made is reported and left out.

    Args:
        session: The run in W&B.
        folder: The run folder.
    """
    if not session.active:
        return
    items: dict[str, Any] = {}
    for make in (confusion_charts, predictions_table, tsne_table, clips_to_show_table, _pictures):
        items |= _try(make, folder)
    if items:
        session.log(items)
    session.summarize(_try(_headline, folder))


def _try(make: Callable[[Run], dict[str, Any]], folder: Path) -> dict[str, Any]:
    try:
        run = read_run(folder)
        return make(run) if run.status == "finished" else {}
    except UserError as error:
        log.warning("Left out of W&B: %s", error)
    except Exception as error:  # W&B's own objects: whatever they run into, the run folder has everything
        log.warning("Left out of W&B: %s (%s)", getattr(make, "__name__", make), error)
    return {}


def _pictures(run: Run) -> dict[str, Any]:
    return {
        name: wandb.Image(str(run.folder / file)) for name, file in PICTURES.items() if (run.folder / file).is_file()
    }


def _headline(run: Run) -> dict[str, Any]:
    """Collects the results by name, without undefined recalls: W&B has no empty number."""
    if run.results is None:
        return {}
    results = run.results
    rates: dict[str, float | None] = {"war": results.war, "uar": results.uar}
    rates |= {f"recall_{name}": recall for name, recall in results.recall.items()}
    if results.best_on_test is not None:
        rates |= {"best_on_test_war": results.best_on_test.war, "best_on_test_uar": results.best_on_test.uar}
    return {f"headline/{name}": rate for name, rate in rates.items() if rate is not None} | {
        "headline/of": results.headline
    }
