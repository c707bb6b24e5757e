"""Detects the launcher that started this process, torchrun or srun, and asks Slurm to requeue its job."""

import os
import shutil
import subprocess

# scontrol answers within this time, or not at all: the job is about to be killed.
_SECONDS = 10


def launched_by_torchrun() -> bool:
    """Tells whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def launched_by_srun() -> bool:
    """Tells whether srun started this process as one of several; a single Slurm task is like any other process."""
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1


def launcher_rank() -> int | None:
    """Returns this process's rank among those that its launcher started, from 0; None without a launcher."""
    if launched_by_torchrun():
        return int(os.environ["RANK"])
    if launched_by_srun():
        return int(os.environ["SLURM_PROCID"])
    return None


def in_slurm_job() -> bool:
    """Tells whether this process is part of a Slurm job."""
    return bool(os.environ.get("SLURM_JOB_ID"))


def requeue_slurm_job() -> str:
    """Asks Slurm to run this job again, which ends it here.

    Returns:
        One line for the user: that the job is requeued, or why not.
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
    return f"Slurm's job {name} is requeued and resumes from there."
