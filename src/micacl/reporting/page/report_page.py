"""Writes the report as one HTML page that needs nothing else: no network, no server, no second file."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from micacl.reporting.one_run.embedding import HOW_TO_READ
from micacl.reporting.page.figure import Figure
from micacl.reporting.page.report import Report
from micacl.reporting.page.section import section
from micacl.reporting.sweep.aggregate import runs_of_jobs
from micacl.reporting.sweep.read import FAILED_COLUMNS
from micacl.reporting.text import UNDEFINED, number, one_line, percent

TEMPLATES = "micacl.reporting.page"


def report_page(report: Report) -> str:
    """Writes a report as HTML text.

    Args:
        report: The report to show.
    """
    # A second to import, which only the page should wait for.
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

    environment = Environment(
        loader=PackageLoader(TEMPLATES, ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"percent": percent, "number": number, "one_line": one_line}
    environment.globals |= {
        "FAILED_COLUMNS": FAILED_COLUMNS,
        "HOW_TO_READ": HOW_TO_READ,
        "UNDEFINED": UNDEFINED,
        "runs_of_jobs": runs_of_jobs,
    }
    charts: dict[str, Figure] = {}
    sections = [section(n, part, charts) for n, part in enumerate(report.parts, start=1)]
    scripts = [get_plotlyjs(), _read("page.js")]
    return environment.get_template("page.html").render(
        title=", ".join(one_line(folder.resolve().name) for folder in report.summary.folders),
        summary=report.summary,
        sections=sections,
        style=Markup(_read("page.css")),
        scripts=[Markup(script) for script in scripts],
        script_hashes=[_hash(script) for script in scripts],
        charts=Markup(_json({name: asdict(chart) for name, chart in charts.items()})),
    )


def _read(name: str) -> str:
    return files(TEMPLATES).joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """Hashes a script, so that the page's policy allows it, and nothing that a name might smuggle in."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _json(charts: Mapping[str, Any] | Sequence[Any]) -> str:
    """Writes JSON that no text in it can end: inside a script element only `<` could."""
    text = json.dumps(charts, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
