"""Trains MICACL: ``python -m micacl.train``; ``--help`` lists every option."""

from micacl.cli.command import command
from micacl.run.job import Job
from micacl.settings import Settings


def _check(settings: Settings) -> None:
    from micacl.build.checks import check_run  # imports the readers of data sets: --help stays fast

    check_run(settings)


@command("train", Settings, _check)
def main(settings: Settings, job: Job) -> None:
    """Trains and tests one configuration on one fold."""
    from micacl.run.devices import run_on_devices  # imports torch: --help stays fast
    from micacl.run.training import run

    run_on_devices(run, settings, job)


if __name__ == "__main__":
    main()
