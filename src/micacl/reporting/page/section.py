"""Makes one data set's section of the page: its charts, and the texts and numbers around them."""

import math
from dataclasses import dataclass

from micacl.rates import recalls
from micacl.reporting.one_run.costs import CostRow, measured_costs, published_costs
from micacl.reporting.page.calibration import calibration_figure
from micacl.reporting.page.comparison import Comparison
from micacl.reporting.page.confusion import confusion_chart
from micacl.reporting.page.curves import curve_figures
from micacl.reporting.page.distribution import distribution_figure
from micacl.reporting.page.figure import Figure
from micacl.reporting.page.rates import rates_figure
from micacl.reporting.page.report import Part
from micacl.reporting.page.tail import tail_figure
from micacl.reporting.page.tsne import tsne_chart
from micacl.reporting.published import printed_costs
from micacl.reporting.text import describe_data, one_line
from micacl.run_folder.config import differences
from micacl.settings import kind_of


@dataclass(frozen=True)
class Section:
    """The section of one data set, as the template shows it.

    Attributes:
        id: The prefix of the identifiers of its elements.
        title: The data set and the number of classes.
        part: The part of the report that it shows.
        charts: The charts by role, each a list of (button text, name of the chart); without a choice there is one.
        beside: The positions of the confusion matrices that are shown side by side at first.
        config: The options that differ between settings, by name, with each setting's value.
        confusion_tables: The title, counts and recalls of every setting's pooled runs and of every run.
        facts: The name and the text of what all runs share or not.
        costs: The costs of each setting's network, and last those that the paper prints; empty where no run has any.
        costs_note: A sentence on what the printed costs are worth.
        tested_only: Whether all runs are tests of checkpoints, so that nothing was trained.
    """

    id: str
    title: str
    part: Part
    charts: dict[str, list[tuple[str, str]]]
    beside: tuple[int, ...]
    config: dict[str, tuple[str | None, ...]]
    confusion_tables: list[tuple[str, list[list[int]], list[float | None]]]
    facts: list[tuple[str, str]]
    costs: list[tuple[str, list[CostRow]]]
    costs_note: str
    tested_only: bool

    @property
    def comparison(self) -> Comparison:
        """The runs."""
        return self.part.comparison


def section(number: int, part: Part, charts: dict[str, Figure]) -> Section:
    """Makes the section, and adds its charts to those of the page.

    Args:
        number: The number of the section, from 1.
        part: The part of the report to show.
        charts: The charts of the page, by name.
    """
    comparison = part.comparison
    prefix = f"s{number}"
    shown: dict[str, list[tuple[str, str]]] = {}

    def add(role: str, figures: dict[str, Figure]) -> None:
        shown[role] = []
        for n, (text, figure) in enumerate(figures.items()):
            charts[f"{prefix}-{role}-{n}"] = figure
            shown[role].append((text, f"{prefix}-{role}-{n}"))

    single = {
        "rates": rates_figure(comparison),
        "tail": tail_figure(comparison),
        "tsne": tsne_chart(comparison, part.panels, part.sheet),
        "distribution": distribution_figure(comparison),
        "calibration": calibration_figure(part.calibrations),
    }
    for role, figure in single.items():
        add(role, {} if figure is None else {"": figure})
    add("curves", curve_figures(comparison))
    add("confusion", _confusions(comparison))
    return Section(
        id=prefix,
        title=one_line(describe_data(comparison.table.dataset, comparison.table.class_names)),
        part=part,
        charts=shown,
        beside=_beside(comparison),
        config=_config(comparison),
        confusion_tables=_confusion_tables(comparison),
        facts=_facts(comparison),
        costs=_costs(comparison),
        costs_note=printed_costs().note,
        tested_only=all(files.run.checkpoint is not None for files in comparison.all_runs),
    )


def _confusions(comparison: Comparison) -> dict[str, Figure]:
    """Draws the matrices of the pair first, so that the page shows these at first."""
    ordered = [*comparison.pair, *(setting for setting in comparison.settings if setting not in comparison.pair)]
    return {
        f"{setting.label}: {text}": confusion_chart(comparison.class_names, counts)
        for setting in ordered
        for text, counts in setting.confusions.items()
    }


def _beside(comparison: Comparison) -> tuple[int, ...]:
    numbers = [len(setting.confusions) for setting in comparison.pair]
    return tuple(sum(numbers[:n]) for n, number in enumerate(numbers) if number)


def _confusion_tables(comparison: Comparison) -> list[tuple[str, list[list[int]], list[float | None]]]:
    tables = []
    for setting in comparison.settings:
        for text, counts in setting.confusions.items():
            recall = [None if math.isnan(rate) else 100 * rate for rate in recalls(counts).tolist()]
            tables.append((f"{setting.label}: {text}", counts.tolist(), recall))
    return tables


def _config(comparison: Comparison) -> dict[str, tuple[str | None, ...]]:
    configs = [setting.runs[0].config for setting in comparison.settings]
    return {name: row for name, row in differences(configs).items() if _is_of_interest(name)}


def _is_of_interest(name: str) -> bool:
    """Tells whether an option is part of the setting: fold, seed and machine are shown elsewhere, paths nowhere."""
    kind = kind_of(name)
    return kind is None or kind.is_setting


def _facts(comparison: Comparison) -> list[tuple[str, str]]:
    finished = [files.run for setting in comparison.settings for files in setting.runs]
    runs = finished or [files.run for files in comparison.unfinished]
    commits = [
        f"{run.git_commit[:10]}{' with uncommitted changes' if run.git_changed else ''}" if run.git_commit else None
        for run in runs
    ]
    facts = [
        ("data manifest", _each([run.data_manifest for run in runs])),
        ("code", _each(commits)),
        ("device", _each([run.device for run in runs])),
    ]
    packages = sorted({name for run in runs for name in run.versions})
    return facts + [(name, _each([run.versions.get(name) for run in runs])) for name in packages]


def _costs(comparison: Comparison) -> list[tuple[str, list[CostRow]]]:
    """Describes the costs of each setting by its first run that has recorded them: the others' network is the same."""
    measured = [
        (setting.label, next(filter(None, (measured_costs(files.run) for files in setting.runs)), []))
        for setting in comparison.settings
    ]
    found = [(label, rows) for label, rows in measured if rows]
    return [*found, ("the paper", published_costs())] if found else []


def _each(values: list[str | None]) -> str:
    """Writes the value that all runs share, or every value."""
    distinct = list(dict.fromkeys(values))
    return "; ".join("not recorded" if value is None else one_line(value) for value in distinct)
