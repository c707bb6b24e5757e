"""The process that a run is in: quiet libraries, fast arithmetic, and which process writes."""

import logging
import warnings

import torch
from lightning.pytorch.utilities import rank_zero_only

from micacl.training.memory import keep_freed_memory


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
