"""Draws the figures of a run from its folder, and saves them in it."""

from pathlib import Path

from matplotlib.figure import Figure

from micacl.files import replacing
from micacl.reporting.one_run.confusion import confusion_figure
from micacl.reporting.one_run.heat_maps import adjacency_figure, instance_weights_figure
from micacl.reporting.one_run.tsne import tsne_figure
from micacl.run_folder.instances import read_instances
from micacl.run_folder.names import ADJACENCY_FILE, CONFUSION_MATRIX_FILE, INSTANCE_WEIGHTS_FILE, TSNE_FILE
from micacl.run_folder.record import read_run

DPI = 150


def save_figures(run_folder: Path) -> list[Path]:
    """Draws the confusion matrix and the t-SNE, and where instances.npz has them GEIIM's adjacency and WIAN's weights.

    Args:
        run_folder: The folder of a run with its predictions and features.

    Returns:
        The paths of the figures.

    Raises:
        UserError: If the folder is not that of a run, its predictions or features are missing or damaged, or its
            instances are damaged.
    """
    paths = [
        _save(confusion_figure(run_folder), run_folder / CONFUSION_MATRIX_FILE),
        _save(tsne_figure(run_folder), run_folder / TSNE_FILE),
    ]
    run = read_run(run_folder)
    instances = read_instances(run)
    if instances is not None and instances.adjacency is not None:
        paths.append(_save(adjacency_figure(run, instances.adjacency), run_folder / ADJACENCY_FILE))
    if instances is not None and instances.weights:
        paths.append(_save(instance_weights_figure(run, instances), run_folder / INSTANCE_WEIGHTS_FILE))
    return paths


def _save(figure: Figure, path: Path) -> Path:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI, bbox_inches="tight", pad_inches=0.15)
    return path
