"""Writes one page of runs and sweeps: ``python -m micacl.report RUN_OR_SWEEP_FOLDER ...``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from micacl.errors import UserError
from micacl.files import replacing


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the folders, writes the page and, if asked for, the figures and tables of a paper."""
    options = _parser().parse_args(arguments)
    try:
        _report(options.folders, options.out, options.figures)
    except UserError as error:
        sys.exit(f"Error: {error}")


def _report(folders: Sequence[Path], out: Path | None, figures: Path | None) -> None:
    from micacl.reporting.page.report import read_report
    from micacl.reporting.page.report_page import report_page  # imports NumPy, which --help does not wait for
    from micacl.reporting.paper.export import export

    report = read_report(*folders)
    out = out or folders[0] / "report.html"
    page = report_page(report)
    with replacing(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    print(f"{out}: {len(page.encode()) / 2**20:.1f} MiB")
    if figures is not None:
        for path in export(report, figures):
            print(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m micacl.report",
        description="Writes one self-contained HTML page of runs and sweeps: results beside the published ones, recall "
        "from head to tail, confusion matrices, t-SNE, training curves, calibration. It needs no network.",
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="RUN_OR_SWEEP_FOLDER", help="runs or sweeps")
    parser.add_argument("--out", type=Path, help="the page; report.html in the first folder by default")
    parser.add_argument(
        "--figures", type=Path, metavar="FOLDER", help="also write figures as PNG and PDF, and tables as LaTeX, into it"
    )
    return parser


if __name__ == "__main__":
    main()
