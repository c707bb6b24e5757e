"""Who started this process: torchrun or srun, which number the processes that train together, or neither."""

import os
import shutil
import subprocess


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


_SECONDS = 10


def in_job() -> bool:
    """Whether this process is part of a job of Slurm."""
    return bool(os.environ.get("SLURM_JOB_ID"))


def requeue() -> str:
    """Asks Slurm to run this job again; it ends this one then.

    Returns:
        What came of it, in words.
    """
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    name = f"{array}_{task}" if array and task else os.environ["SLURM_JOB_ID"]
    scontrol = shutil.which("scontrol")
    if scontrol is None:
        return f"Slurm's job {name} is not requeued: there is no scontrol here."
    try:
        subprocess.run([scontrol, "requeue", name], capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        reason = str(getattr(error, "stderr", None) or error).strip()
        return f"Slurm's job {name} is not requeued: {reason}"
    return f"Slurm's job {name} is requeued and goes on from there."
