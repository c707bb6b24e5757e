"""``python -m micacl.evaluate ckpt_path=... dataset=... fold=...``: tests a checkpoint and counts what it costs."""

from micacl.cli.command import command
from micacl.run.job import Job
from micacl.settings import Settings


def _check(settings: Settings) -> None:
    from micacl.build.checks import check_checkpoint  # imports the readers of data sets: --help stays fast

    check_checkpoint(settings)


@command("evaluate", Settings, _check)
def main(settings: Settings, job: Job) -> None:
    """Tests a checkpoint on one fold of a data set."""
    from micacl.run.devices import run_on_devices  # imports torch: --help stays fast
    from micacl.run.evaluation import evaluate

    run_on_devices(evaluate, settings, job)


if __name__ == "__main__":
    main()
