"""Python imports this in every process that finds it: those that Slurm starts get the small network too."""

from tests.whole_runs.small_ranks import use_small_network

if __name__ == "sitecustomize":  # not where pytest collects it
    use_small_network()
