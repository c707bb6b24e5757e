"""The GPUs of this machine, one for each process of the joblib launcher."""

import itertools
import os
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

_VISIBLE = "CUDA_VISIBLE_DEVICES"
# What this process holds until it ends: CUDA, once it has started, keeps to its GPU.
_held: list[FileLock] = []


def visible_gpus() -> list[str]:
    """The GPUs that a process may use, by the names that CUDA_VISIBLE_DEVICES has for them."""
    if _VISIBLE in os.environ:
        return [name.strip() for name in os.environ[_VISIBLE].split(",") if name.strip()]
    import torch  # takes a second, and is asked for by the joblib launcher alone

    return [str(number) for number in range(torch.cuda.device_count())]


def num_gpus() -> int:
    """How many jobs the joblib launcher runs at once: one a GPU, and one where there is none."""
    return max(1, len(visible_gpus()))


class OwnGPU(Callback):
    """Lets each process of a sweep see one GPU alone, the same for all its jobs.

    The processes agree by locks in the sweep's folder, which the system frees when a process ends.
    """

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:  # noqa: ARG002 (Hydra's hook)
        """Hydra calls this in the process of the job, before anything has touched CUDA."""
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
