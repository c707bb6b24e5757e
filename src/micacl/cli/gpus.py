"""Gives each process of the joblib launcher a GPU of its own."""

import itertools
import os
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

_VISIBLE = "CUDA_VISIBLE_DEVICES"
# The lock that this process holds until it ends: once CUDA has started, it stays on its GPU.
_held: list[FileLock] = []


def visible_gpus() -> list[str]:
    """Lists the GPUs that a process may use, by their names in CUDA_VISIBLE_DEVICES."""
    if _VISIBLE in os.environ:
        return [name.strip() for name in os.environ[_VISIBLE].split(",") if name.strip()]
    import torch  # takes a second, and only the joblib launcher needs it

    return [str(number) for number in range(torch.cuda.device_count())]


def num_gpus() -> int:
    """Counts the jobs that the joblib launcher runs at once: one per GPU, or one without any."""
    return max(1, len(visible_gpus()))


class OwnGPU(Callback):
    """Lets each process of a sweep see only one GPU, the same for all its jobs.

    The processes share the GPUs by locks in the sweep's folder, which the system frees when a process ends.
    """

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:  # noqa: ARG002 (Hydra's hook)
        """Chooses the GPU in the process of the job, before anything has touched CUDA."""
        gpus = visible_gpus()
        if _held or not gpus:
            return
        os.environ[_VISIBLE] = gpus[_first_free(Path(config.hydra.sweep.dir) / ".gpus") % len(gpus)]


def _first_free(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    for number in itertools.count():
        lock = FileLock(folder / f"{number}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        _held.append(lock)
        return number
    raise AssertionError("counting does not end")
