"""The pictures of a run: drawn from its folder, saved beside what they show."""

from pathlib import Path

from matplotlib.figure import Figure

from micacl.atomic import replacing
from micacl.reporting.confusion import confusion_figure
from micacl.reporting.tsne import tsne_figure

DPI = 150


def save_figures(run_folder: Path) -> list[Path]:
    """Draws `confusion_matrix.png` and `tsne.png` into a run folder.

    Args:
        run_folder: a run's folder with its predictions and features.

    Returns:
        The paths of the two pictures.

    Raises:
        UserError: the folder is no run's, or its predictions or features are missing or damaged.
    """
    return [
        _save(confusion_figure(run_folder), run_folder / "confusion_matrix.png"),
        _save(tsne_figure(run_folder), run_folder / "tsne.png"),
    ]


def _save(figure: Figure, path: Path) -> Path:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI, bbox_inches="tight", pad_inches=0.15)
    return path
