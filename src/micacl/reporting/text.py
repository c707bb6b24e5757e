"""Writes rates, names and runs as all tables and figures show them: per cent with two decimals, one line each."""

from collections.abc import Sequence

from micacl.run_folder.record import Run

UNDEFINED = "–"


def percent(value: float | None) -> str:
    """Writes a figure that is per cent already."""
    return UNDEFINED if value is None else f"{value:.2f}"


def number(value: int | None) -> str:
    """Writes a fold or a seed, which a data set or a run may not have."""
    return UNDEFINED if value is None else str(value)


def describe_data(dataset: str, class_names: Sequence[str]) -> str:
    """Writes `dfew, 7 classes`; the classes are unknown where every run failed early."""
    return f"{dataset}, {len(class_names)} classes" if class_names else dataset


def one_line(text: str) -> str:
    """Removes line breaks and control characters from a text, which could rewrite a terminal or end a row."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def describe(run: Run) -> str:
    """Names a run in one line: `dfew, fold 5, seed 1, ablation=d`.

    Args:
        run: The run to name.
    """
    fold = "" if run.fold is None else f", fold {run.fold}"
    seed = "" if run.seed is None else f", seed {run.seed}"
    return one_line(f"{run.dataset}{fold}{seed}, {run.setting}")
