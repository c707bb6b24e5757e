"""Decides how many processes are worth starting."""

import os
from typing import Literal

# With more decoding processes than this, they wait for the network rather than the network for them.
MAX_LOADER_PROCESSES = 8


def available_cpus() -> int:
    """Counts the CPUs that this process may use; a container or a scheduler can allow fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def loader_processes(num_workers: int | Literal["auto"], devices: int) -> int:
    """Decides the number of decoding processes of one training process.

    Args:
        num_workers: The number, or "auto": the CPUs, shared by the training processes of this machine, up to 8.
        devices: The number of training processes on this machine.
    """
    if num_workers != "auto":
        return num_workers
    return max(1, min(MAX_LOADER_PROCESSES, available_cpus() // devices))
