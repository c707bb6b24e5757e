"""Tables for a paper: LaTeX with booktabs, which shows every name as it is."""

from collections.abc import Sequence

from micacl.reporting.aggregate import Spread
from micacl.reporting.comparison import Comparison
from micacl.reporting.text import one_line

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "–": "--",
}  # fmt: skip
UNDEFINED = "--"


def escape(text: str) -> str:
    r"""Makes LaTeX show `text` itself.

    >>> print(escape("a_b & 50 %"))
    a\_b \& 50 \%
    """
    return "".join(SPECIAL.get(letter, letter) for letter in one_line(text))


def results_table(comparison: Comparison) -> str:
    """Recalls, WAR and UAR of ours and of the published methods, each marked with how its epoch was chosen.

    Args:
        comparison: the settings.
    """
    names = comparison.table.class_names
    header = ["Method", "Epoch", *map(escape, names), "WAR", "UAR"]
    published = comparison.table.published
    blocks = []
    if published is not None:
        blocks.append(
            [
                [
                    escape(row.method),
                    "best on test",
                    *(_rate((row.recall or {}).get(name)) for name in names),
                    _rate(row.war),
                    _rate(row.uar),
                ]
                for row in published.rows
            ]
        )
    ours = []
    for setting in comparison.settings:
        row = setting.row
        recalls = [_spread(row.recall[name]) for name in names]
        ours.append([escape(setting.label), escape(row.headline), *recalls, _spread(row.war), _spread(row.uar)])
        if row.best_on_test_war is not None or row.best_on_test_uar is not None:
            best = [_spread(row.best_on_test_war), _spread(row.best_on_test_uar)]
            ours.append([escape(setting.label), "best on test", *([UNDEFINED] * len(names)), *best])
    blocks.append(ours)
    notes = [f"% {one_line(note)}" for note in comparison.table.notes]
    return "\n".join([*notes, *_booktabs(header, "ll" + "r" * (len(header) - 2), blocks), ""])


def _booktabs(header: Sequence[str], columns: str, blocks: Sequence[Sequence[Sequence[str]]]) -> list[str]:
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", " & ".join(header) + r" \\"]
    for block in blocks:
        if block:
            lines += [r"\midrule", *(" & ".join(row) + r" \\" for row in block)]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _rate(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.2f}"


def _spread(rate: Spread | None) -> str:
    if rate is None or rate.std is None:
        return _rate(None if rate is None else rate.mean)
    return rf"${rate.mean:.2f} \pm {rate.std:.2f}$"
