"""Writes a report's figures as PNG and PDF, and its tables as LaTeX."""

import re
from collections.abc import Iterator
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from micacl.errors import UserError
from micacl.files import replacing
from micacl.reporting.one_run.confusion import counts_figure
from micacl.reporting.one_run.tsne import embedded_figure
from micacl.reporting.page.report import Part, Report
from micacl.reporting.paper.charts import (
    calibration_figure,
    curves_figure,
    distribution_figure,
    rates_figure,
    tail_figure,
)
from micacl.reporting.paper.latex import results_table

DPI = 300
PDF_FONTS = 42  # TrueType, embedded: publishers refuse matplotlib's default, Type 3


def export(report: Report, folder: Path) -> list[Path]:
    """Writes every figure and table that the runs have files for.

    Args:
        report: The report.
        folder: The folder to write to, created if it is missing; files of the same names are replaced.

    Returns:
        The paths of the files.

    Raises:
        UserError: If the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"Cannot write {folder}: {error.strerror or error}.") from error
    paths = []
    for number, part in enumerate(report.parts, start=1):
        prefix = f"{number}_" if len(report.parts) > 1 else ""
        stem = f"{prefix}{_slug(part.comparison.table.dataset)}"
        for name, figure in _figures(part):
            paths += [_save(figure, folder / f"{stem}_{name}.{kind}") for kind in ("png", "pdf")]
        path = folder / f"{stem}_results.tex"
        with replacing(path) as temporary:
            temporary.write_text(results_table(part.comparison), encoding="utf-8")
        paths.append(path)
    return paths


def _figures(part: Part) -> Iterator[tuple[str, Figure]]:
    comparison = part.comparison
    if comparison.settings:
        yield "rates", rates_figure(comparison)
        yield "tail", tail_figure(comparison)
    if comparison.frequency[1]:
        yield "classes", distribution_figure(comparison)
    curves = curves_figure(comparison)
    if curves is not None:
        yield "curves", curves
    if part.calibrations:
        yield "calibration", calibration_figure(part.calibrations)
    if part.panels:
        yield "tsne", embedded_figure(part.panels)
    for setting in comparison.settings:
        for text, counts in list(setting.confusions.items())[:1]:  # all runs pooled, or the only one
            title = f"{setting.label}, {text}"
            name = f"confusion_{setting.position + 1}_{_slug(setting.label)}"
            yield name, counts_figure(counts, comparison.table.class_names, title)


def _slug(text: str) -> str:
    """Turns a name into a part of a file's name that every system allows."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "x"


def _save(figure: Figure, path: Path) -> Path:
    with replacing(path) as temporary, rc_context({"pdf.fonttype": PDF_FONTS}):
        # Without a date the same runs give the same bytes.
        metadata = {"CreationDate": None} if path.suffix == ".pdf" else None
        figure.savefig(temporary, dpi=DPI, bbox_inches="tight", pad_inches=0.05, metadata=metadata)
    return path
