"""Processes for tests, forked from one that has imported everything: each import anew would take seconds."""

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed as dist
from torch.multiprocessing.spawn import start_processes

# The machine may be busy.
SECONDS = 240


def fork_server() -> ForkServerContext:
    """Makes processes that are forked from a server, which the first of them starts and the others share.

    It imports what a training imports, and pytest, which modules of tests import.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.whole_runs.small_train", "pytest"])
    return context


def run_processes(function: Callable[[int], Any], folder: Path, world_size: int = 2) -> list[Any]:
    """Calls a function with its rank in each process of a gloo group, as DDP's, and returns what each rank returned.

    Args:
        function: One that can be pickled; what it returns must be loadable with ``weights_only``.
        folder: An empty folder, where the processes meet and leave their results.
        world_size: Number of processes.
    """
    fork_server()
    arguments = (function, str(folder), world_size)
    context = start_processes(_process, arguments, nprocs=world_size, join=False, start_method="forkserver")
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
