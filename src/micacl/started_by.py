"""Who started this process: torchrun or srun, which number the processes that train together, or neither."""

import os


def by_torchrun() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def by_srun() -> bool:
    """Whether srun started this process as one of several; a lone task of Slurm is like any other process."""
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1


def given_rank() -> int | None:
    """This process's number among those that train together, from 0; None where it was started alone."""
    if by_torchrun():
        return int(os.environ["RANK"])
    if by_srun():
        return int(os.environ["SLURM_PROCID"])
    return None
