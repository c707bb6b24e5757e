"""How many processes are worth starting."""

import os


def available_cpus() -> int:
    """CPUs that this process may use, which a container or a scheduler can hold below the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
