"""The pictures of a run: drawn from its folder, saved beside what they show."""

from pathlib import Path

from matplotlib.figure import Figure

from micacl.files import replacing
from micacl.reporting.one_run.confusion import confusion_figure
from micacl.reporting.one_run.heat_maps import adjacency_figure, instance_weights_figure
from micacl.reporting.one_run.tsne import tsne_figure
from micacl.run_folder.instances import read_instances
from micacl.run_folder.record import read_run

DPI = 150


def save_figures(run_folder: Path) -> list[Path]:
    """Draws `confusion_matrix.png` and `tsne.png` into a run folder, and what it has recorded of its instances.

    Args:
        run_folder: A run's folder with its predictions and features; `adjacency.png` needs GEIIM's adjacency in
            instances.npz, `instance_weights.png` WIAN's weights.

    Returns:
        The paths of the pictures.

    Raises:
        UserError: If the folder is no run's, or its predictions or features are missing or damaged, or its
            instances are damaged.
    """
    paths = [
        _save(confusion_figure(run_folder), run_folder / "confusion_matrix.png"),
        _save(tsne_figure(run_folder), run_folder / "tsne.png"),
    ]
    run = read_run(run_folder)
    instances = read_instances(run)
    if instances is not None and instances.adjacency is not None:
        paths.append(_save(adjacency_figure(run, instances.adjacency), run_folder / "adjacency.png"))
    if instances is not None and instances.weights:
        paths.append(_save(instance_weights_figure(run, instances), run_folder / "instance_weights.png"))
    return paths


def _save(figure: Figure, path: Path) -> Path:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI, bbox_inches="tight", pad_inches=0.15)
    return path
