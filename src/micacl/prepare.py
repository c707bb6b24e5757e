"""``python -m micacl.prepare dataset=... dataset.root=...``: checks a copy of a data set and decodes it once."""

from micacl.cli.command import command
from micacl.run.job import Job
from micacl.settings import PrepareSettings


def _check(settings: PrepareSettings) -> None:
    from micacl.build.checks import check_lists  # imports the readers of data sets: --help stays fast

    check_lists(settings)


@command("prepare", PrepareSettings, _check)
def main(settings: PrepareSettings, job: Job) -> None:  # noqa: ARG001  every command has the same call
    """Prepares the configured data set."""
    from micacl.run.preparation import prepare  # imports decoders: --help stays fast

    prepare(settings)


if __name__ == "__main__":
    main()
