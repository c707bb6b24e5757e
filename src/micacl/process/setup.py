"""Sets up the process of a run: fast arithmetic, kept memory and quiet libraries. Tells which process writes."""

import ctypes
import logging
import sys
import warnings

import torch


def prepare_process() -> None:
    """Sets up a run's process, before the run touches any data."""
    quieten_libraries()
    keep_freed_memory()
    # Where nothing moves, features shrink to denormal numbers, with which CPUs compute slowly: without this, a forward
    # pass of the built-in data took 1.6 times as long. Threads that start later inherit the setting.
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("high")


def is_first_process() -> bool:
    """Tells whether this process writes the run folder. Its rank is known before Lightning's trainer starts."""
    from lightning.pytorch.utilities import rank_zero_only  # benchmarks/step.py runs with PyTorch alone

    return getattr(rank_zero_only, "rank", 0) == 0


def quieten_libraries() -> None:
    """Hides hints of libraries that are meant for developers, not for users."""
    # On a full disk the log file misses lines that the screen shows; a traceback for each of them would not help.
    logging.raiseExceptions = False
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    logging.getLogger("matplotlib").setLevel(logging.WARNING)
    logging.getLogger("openTSNE").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", module="torch.optim.lr_scheduler")
    # Not every version of torch that we support has the replacements that these warnings name.
    warnings.filterwarnings("ignore", message=".*all_(gather|reduce) is deprecated", category=FutureWarning)


# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4
_KEEP_BYTES = 2**30


def keep_freed_memory() -> None:
    """Tells glibc to keep freed memory instead of returning it to the system; does nothing with other C libraries.

    Each activation is larger than glibc's threshold for memory maps: by default, every step would ask the system for
    all of them again and pay for their page faults, a quarter of a step at 112x112 (benchmarks/step.py).
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # musl has none
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)  # the largest int: the parameter is one
    mallopt(_M_TOP_PAD, _KEEP_BYTES)
