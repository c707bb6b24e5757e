"""A job of Slurm that asks to be run again."""

import os
import shutil
import subprocess

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
