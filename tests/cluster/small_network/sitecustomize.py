"""Python imports this in every process that finds it: those that Slurm starts get the small network too."""

import tests.small_ranks  # noqa: F401
