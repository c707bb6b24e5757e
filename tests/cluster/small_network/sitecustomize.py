"""Python imports this in every process that finds it: those that Slurm starts get the small network too."""

from tests.small_ranks import use_small_network

use_small_network()
