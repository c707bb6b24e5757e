"""Whether a run's two accounts of its rates, run.json and predictions.csv, agree."""

import numpy as np
from numpy.typing import NDArray

from micacl.reporting.predictions import PREDICTIONS_FILE, uar, war
from micacl.reporting.run_folder import RUN_FILE, Results

AGREE = 1e-4  # rates further apart than this come from different predictions, not from rounding


def disagreement(results: Results, counts: NDArray[np.int64]) -> list[str]:
    """One sentence for each rate that differs: counts stand beside rates only if both are of the same predictions.

    Args:
        results: of run.json.
        counts: confusion matrix of predictions.csv, shape (K, K).
    """
    notes = []
    for name, reported, counted in (("WAR", results.war, war(counts)), ("UAR", results.uar, uar(counts))):
        if reported is not None and abs(reported - counted) > AGREE:
            notes.append(
                f"{RUN_FILE} and {PREDICTIONS_FILE} disagree: {name} {100 * reported:.2f} against {100 * counted:.2f}."
            )
    return notes
