"""How tables and figures word things: rates are per cent with two decimals, names are one line each."""

from collections.abc import Sequence

from micacl.run_folder.record import Run

UNDEFINED = "–"


def percent(value: float | None) -> str:
    """A figure that is per cent already."""
    return UNDEFINED if value is None else f"{value:.2f}"


def number(value: int | None) -> str:
    """A fold or a seed, which a data set or a run may not have."""
    return UNDEFINED if value is None else str(value)


def describe_data(dataset: str, class_names: Sequence[str]) -> str:
    """`dfew, 7 classes`; the classes are unknown where every run failed early."""
    return f"{dataset}, {len(class_names)} classes" if class_names else dataset


def one_line(text: str) -> str:
    """A name or a message without line breaks and control characters, which could rewrite a terminal or end a row."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def describe(run: Run) -> str:
    """A run in one line: `dfew, fold 5, seed 1, ablation=d`.

    Args:
        run: The run to name.
    """
    fold = "" if run.fold is None else f", fold {run.fold}"
    seed = "" if run.seed is None else f", seed {run.seed}"
    return one_line(f"{run.dataset}{fold}{seed}, {run.setting}")
