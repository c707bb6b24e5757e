"""Reuse of freed memory when training on a CPU."""

import ctypes
import sys

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
