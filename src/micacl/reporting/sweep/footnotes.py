"""Writes the footnotes of a sweep's figures: the protocol, and what keeps rows from being compared."""

from collections import Counter
from collections.abc import Sequence

from micacl.reporting.published import PublishedTable
from micacl.reporting.sweep.aggregate import SettingRow
from micacl.run_folder.record import Run

BEST_ON_TEST = (
    "best-on-test is the highest test WAR and the highest test UAR over all epochs, each chosen on the test split."
)


def footnotes(rows: Sequence[SettingRow], published: PublishedTable | None) -> tuple[str, ...]:
    """Writes the sentences to print under a table, those on the protocol first.

    Args:
        rows: The rows of the table, one for each setting.
        published: The paper's figures beside them, if any.
    """
    measured = [row for row in rows if row.runs]
    sentences = [_protocol(measured)] if measured else []
    if published is not None or any(row.best_on_test_war for row in measured):
        sentences.append(BEST_ON_TEST)
    if published is not None:
        sentences += _published(published)
    sentences += _uneven(measured) + _repeated(measured) + _partial(measured) + _commits(measured)
    sentences += _seen(measured)
    return tuple(sentences)


def _protocol(rows: Sequence[SettingRow]) -> str:
    headlines = " or the ".join(dict.fromkeys(row.headline for row in rows))
    return (
        f"All figures are per cent. WAR, UAR and recall are those of the {headlines}: mean ± sample standard deviation "
        "over the runs (folds and seeds) of a setting."
    )


def _published(published: PublishedTable) -> list[str]:
    source = (
        f"Published figures: {published.name} ({published.scope}) of {published.paper}. They are of the test-selected "
        "kind, so they stand under best-on-test; their recalls are as printed."
    )
    return [source] if published.note is None else [source, published.note]


def _uneven(rows: Sequence[SettingRow]) -> list[str]:
    """Warns where settings were run on different folds: their means differ by the folds alone."""
    covered = {tuple(sorted(_fold_and_seed(run) for run in row.runs)) for row in rows}
    if len(covered) < 2:
        return []
    return ["The settings were not run on the same folds and seeds, so part of their difference is due to that."]


def _repeated(rows: Sequence[SettingRow]) -> list[str]:
    """Warns where a fold and seed occur twice: the mean leans towards them, and the deviation is too small."""
    sentences = []
    for row in rows:
        for (fold, seed), times in Counter(_fold_and_seed(run) for run in row.runs).items():
            if times > 1:
                sentences.append(f"{row.setting}: fold {fold}, seed {seed} occurs {times} times, and counts each time.")
    return sentences


def _partial(rows: Sequence[SettingRow]) -> list[str]:
    """Names the classes without a test clip in some runs: their mean is over the others."""
    sentences = []
    for row in rows:
        n = len(row.runs)
        for name, recall in row.recall.items():
            if recall is None or recall.n < n:
                missing = n - (0 if recall is None else recall.n)
                sentences.append(f"{row.setting}: {name} has no test clip in {missing} of {n} runs.")
    return sentences


def _commits(rows: Sequence[SettingRow]) -> list[str]:
    commits = dict.fromkeys(run.git_commit[:10] for row in rows for run in row.runs if run.git_commit)
    if len(commits) < 2:
        return []
    return [f"The runs come from {len(commits)} versions of the code: {', '.join(commits)}."]


def _seen(rows: Sequence[SettingRow]) -> list[str]:
    """Warns where a checkpoint was tested on another fold of its data set: it has learned from those clips."""
    sentences = []
    for row in rows:
        for run in row.runs:
            origin = run.checkpoint
            if origin is not None and origin.dataset == run.dataset and origin.fold != run.fold:
                sentences.append(
                    f"{row.setting}, {row.protocol}: trained for fold {origin.fold} and tested on fold {run.fold} of "
                    "the same data set, so it has learned from clips that it is tested on."
                )
    return sentences


def _fold_and_seed(run: Run) -> tuple[str, str]:
    return str(run.fold), str(run.seed)
