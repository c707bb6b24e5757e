"""Makes the tables of a study: means and deviations, paired differences with their uncertainty."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap  # type: ignore[import-untyped]

from micacl.data.expressions import CLASS_NAMES
from micacl.reporting.sweep.markdown import Align, markdown_table

TAIL = ("disgust", "fear")


def values(results: Sequence[dict[str, str]], setting: str, column: str) -> NDArray[np.float64]:
    """Returns a column of a setting's runs by fold and seed; "tail" is the mean recall of disgust and fear."""
    rows = sorted((row for row in results if row["setting"] == setting), key=lambda row: (row["fold"], row["seed"]))
    columns = [f"recall_{name}" for name in TAIL] if column == "tail" else [column]
    return np.array([np.mean([float(row[name]) for name in columns]) for row in rows])


def spread(numbers: NDArray[np.float64]) -> str:
    """Formats the mean and standard deviation over the runs."""
    return f"{numbers.mean():.1f} ± {numbers.std(ddof=1):.1f}"


def difference(results: Sequence[dict[str, str]], setting: str, against: str, column: str) -> str:
    """Formats the mean paired difference over folds and seeds, with its 95 % bootstrap interval (percentiles)."""
    paired = values(results, setting, column) - values(results, against, column)
    if np.ptp(paired) == 0:
        return f"{paired[0]:+.1f}"
    found = bootstrap((paired,), np.mean, method="percentile", rng=np.random.default_rng(0)).confidence_interval
    return f"{paired.mean():+.1f} [{found.low:+.1f}, {found.high:+.1f}]"


def settings_table(results: Sequence[dict[str, str]], settings: Sequence[str], against: str) -> list[str]:
    """Makes a table with a row per setting: WAR, UAR, the tail's recall, and the last two against another setting."""
    rows = []
    for setting in settings:
        same = setting == against
        rows.append(
            [
                setting,
                *(spread(values(results, setting, column)) for column in ("war", "uar", "tail")),
                "" if same else difference(results, setting, against, "uar"),
                "" if same else difference(results, setting, against, "tail"),
            ]
        )
    header = [
        "setting",
        "WAR",
        "UAR",
        "disgust and fear",
        f"UAR against {against}",
        f"disgust and fear against {against}",
    ]
    return markdown_table(header, _align(header), rows)


def recall_table(results: Sequence[dict[str, str]], settings: Sequence[str]) -> list[str]:
    """Makes a table of the mean recall of each class."""
    rows = [[setting, *(f"{values(results, setting, f'recall_{name}').mean():.1f}" for name in CLASS_NAMES)]
            for setting in settings]  # fmt: skip
    header = ["setting", *CLASS_NAMES]
    return markdown_table(header, _align(header), rows)


def _align(header: Sequence[str]) -> list[Align]:
    """Aligns names to the left, figures to the right."""
    return ["left" if number == 0 else "right" for number in range(len(header))]


def write_between_marks(path_text: str, name: str, lines: Sequence[str]) -> str:
    """Replaces the lines between `<!-- name -->` and `<!-- /name -->` in a text."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, _, rest = path_text.partition(begin)
    _, _, after = rest.partition(end)
    return before + begin + "\n".join(lines) + "\n" + end + after
