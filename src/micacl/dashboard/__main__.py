"""Builds a W&B report of a project's runs: ``python -m micacl.dashboard ENTITY/PROJECT [GROUP]``."""

import argparse
import sys
from collections.abc import Sequence

from micacl.dashboard.session import is_logged_in
from micacl.errors import UserError


def main(arguments: Sequence[str] | None = None) -> None:
    """Builds the report, saves it in the project, and prints where it is."""
    options = _parser().parse_args(arguments)
    entity, project = options.project
    try:
        print(_save(entity, project, options.group))
    except UserError as error:
        sys.exit(f"Error: {error}")


def _save(entity: str, project: str, group: str | None) -> str:
    try:
        from micacl.dashboard.report import build_report
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "wandb_workspaces":
            raise
        raise UserError("this needs W&B's package for reports; run pip install wandb-workspaces") from error
    if not is_logged_in():
        raise UserError("you are not logged in to W&B; run wandb login, or set WANDB_API_KEY")
    report = build_report(entity, project, group)
    try:
        return str(report.save().url)  # refuses a project that is not there
    except Exception as error:  # W&B and its network raise whatever they like
        raise UserError(f"W&B did not take the report: {' '.join(str(error).split())}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m micacl.dashboard",
        description="Builds a W&B report of the runs that python -m micacl.train has logged to a project: summary "
        "tables, training curves, confusion matrices, t-SNE, instances, and videos of chosen clips.",
    )
    parser.add_argument("project", type=_entity_and_project, metavar="ENTITY/PROJECT", help="where the runs are")
    parser.add_argument("group", nargs="?", metavar="GROUP", help="only this sweep: the name of its folder")
    return parser


def _entity_and_project(text: str) -> tuple[str, str]:
    entity, slash, project = text.partition("/")
    if not entity or not slash or not project or "/" in project:
        raise argparse.ArgumentTypeError(f"{text!r} is not ENTITY/PROJECT, as in my-team/micacl")
    return entity, project


if __name__ == "__main__":
    main()
