"""The process that a run is in: quiet libraries, fast arithmetic, and which process writes."""

import ctypes
import logging
import sys
import warnings

import torch
from lightning.pytorch.utilities import rank_zero_only


def prepare_process() -> None:
    """Sets up what is the same for every run, before it touches any data."""
    quieten_libraries()
    keep_freed_memory()
    # Where nothing moves, features shrink to denormal numbers, on which CPUs compute slowly: without this a forward
    # pass of the built-in data took 1.6 times as long. Threads that start later inherit the setting.
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")


def is_first_process() -> bool:
    """Whether this process writes the run folder: Lightning, torchrun and Slurm number theirs before they start."""
    return getattr(rank_zero_only, "rank", 0) == 0


def quieten_libraries() -> None:
    """Keeps hints that are meant for people who write such code away from people who run this."""
    # Where the disk is full, the log file misses a line that is on the screen; a traceback for each says no more.
    logging.raiseExceptions = False
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    logging.getLogger("openTSNE").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", module="torch.optim.lr_scheduler")
    # The replacements that they name are not in every torch that we run on.
    warnings.filterwarnings("ignore", message=".*all_(gather|reduce) is deprecated", category=FutureWarning)


# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4
_KEEP_BYTES = 2**30


def keep_freed_memory() -> None:
    """Lets glibc keep freed memory instead of returning it to the system, where the C library is glibc.

    Each activation is larger than glibc's limit for memory maps: without this every step asks the system for all of
    them again and pays for their page faults, a quarter of a step at 112x112 (benchmarks/step.py).
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # musl has none
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)  # the largest int: the parameter is one
    mallopt(_M_TOP_PAD, _KEEP_BYTES)
