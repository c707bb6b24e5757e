"""Writes tables for a paper in LaTeX with booktabs; every name is shown as it is."""

from collections.abc import Sequence

from micacl.reporting.page.comparison import Comparison
from micacl.reporting.sweep.aggregate import mean_and_std
from micacl.reporting.text import UNDEFINED, one_line, percent

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "–": "--", "±": r"$\pm$",
}  # fmt: skip


def escape(text: str) -> str:
    r"""Makes LaTeX show `text` itself.

    >>> print(escape("a_b & 50 %"))
    a\_b \& 50 \%
    """
    return "".join(SPECIAL.get(letter, letter) for letter in one_line(text))


def results_table(comparison: Comparison) -> str:
    """Writes recalls, WAR and UAR of ours and of the published methods, each with how its epoch was chosen.

    Args:
        comparison: The runs to compare.
    """
    names = comparison.table.class_names
    header = ["Method", "Epoch", *names, "WAR", "UAR"]
    published = comparison.table.published
    blocks = []
    if published is not None:
        blocks.append(
            [
                [
                    row.method,
                    "best on test",
                    *(percent((row.recall or {}).get(name)) for name in names),
                    percent(row.war),
                    percent(row.uar),
                ]
                for row in published.rows
            ]
        )
    ours = []
    for setting in comparison.settings:
        row = setting.row
        recalls = [mean_and_std(row.recall[name]) for name in names]
        ours.append([setting.label, row.headline, *recalls, mean_and_std(row.war), mean_and_std(row.uar)])
        if row.best_on_test_war is not None or row.best_on_test_uar is not None:
            best = [mean_and_std(row.best_on_test_war), mean_and_std(row.best_on_test_uar)]
            ours.append([setting.label, "best on test", *[UNDEFINED] * len(names), *best])
    blocks.append(ours)
    notes = [f"% {one_line(note)}" for note in comparison.table.footnotes]
    return "\n".join([*notes, *_booktabs(header, "ll" + "r" * (len(header) - 2), blocks), ""])


def _booktabs(header: Sequence[str], columns: str, blocks: Sequence[Sequence[Sequence[str]]]) -> list[str]:
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", _row(header)]
    for block in blocks:
        if block:
            lines += [r"\midrule", *map(_row, block)]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(escape, cells)) + r" \\"
