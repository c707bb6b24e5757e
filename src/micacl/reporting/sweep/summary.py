"""Summarizes a sweep: each setting's mean over folds and seeds, the jobs that failed, and the published figures."""

from pathlib import Path

from micacl.files import replacing
from micacl.reporting.sweep.csv import summary_csv
from micacl.reporting.sweep.markdown import summary_markdown
from micacl.reporting.sweep.read import Summary, read_sweep


def summarize(sweep_folder: Path) -> Summary:
    """Averages the runs of a sweep and writes `summary.csv` and `summary.md` into its folder.

    Args:
        sweep_folder: The folder that Hydra's multirun wrote, or any folder with run folders in it. Jobs may still be
            running.

    Returns:
        The summary; `screen.summary_screen` lays it out for the terminal.

    Raises:
        UserError: If there is no run in the folder, or the folder cannot be written to.
    """
    summary = read_sweep(sweep_folder)
    for name, text in (("summary.csv", summary_csv(summary)), ("summary.md", summary_markdown(summary))):
        with replacing(sweep_folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")
    return summary
