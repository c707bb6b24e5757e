"""How many processes are worth starting."""

import os
from typing import Literal

# More decoding processes than this wait for the network rather than the other way round.
MAX_LOADER_PROCESSES = 8


def available_cpus() -> int:
    """CPUs that this process may use, which a container or a scheduler can hold below the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def loader_processes(num_workers: int | Literal["auto"], devices: int) -> int:
    """Decoding processes of one training process.

    Args:
        num_workers: Their number, or "auto": the CPUs, shared by the training processes of this machine, up to 8.
        devices: Training processes on this machine.
    """
    if num_workers != "auto":
        return num_workers
    return max(1, min(MAX_LOADER_PROCESSES, available_cpus() // devices))
