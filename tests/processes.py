"""Functions run as several processes that talk over gloo, as DDP's do."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed as dist
from torch.multiprocessing.spawn import spawn

# The machine may be busy.
SECONDS = 240


def run_processes(function: Callable[[int], Any], folder: Path, world_size: int = 2) -> list[Any]:
    """Calls a function with its rank in each process of a gloo group, and returns what each rank returned.

    Args:
        function: One that can be pickled; what it returns must be loadable with ``weights_only``.
        folder: An empty folder, where the processes meet and leave their results.
        world_size: Number of processes.
    """
    context = spawn(_process, args=(function, str(folder), world_size), nprocs=world_size, join=False)
    deadline = time.monotonic() + SECONDS
    while not context.join(timeout=5):
        if time.monotonic() > deadline:
            for process in context.processes:
                process.kill()
            pytest.fail("the processes did not finish in time")
    return [torch.load(folder / f"rank{rank}.pt") for rank in range(world_size)]


def _process(rank: int, function: Callable[[int], Any], folder: str, world_size: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world_size)
    torch.save(function(rank), f"{folder}/rank{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()
