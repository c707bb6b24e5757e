"""Loads batches of clips in worker processes, which write them into shared memory that is kept.

PyTorch's own loader makes new shared memory for each batch and maps it anew in both processes; for clips out of the
cache that takes longer than reading and augmenting them (benchmarks/data.py). The memory here is no file in /dev/shm
where workers are forked, so that a container's small /dev/shm does not matter.
"""

import mmap
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from micacl.data.dataset import ClipDataset, Sample, collate

# Batches that each worker loads ahead; DataLoader's own default.
PREFETCH = 2
# A worker's slots: one for each batch that it has loaded ahead, and one for the batch that it writes.
SLOTS_PER_WORKER = PREFETCH + 1
# More than a run takes to save and leave.
_SECONDS_TO_OUTLIVE = 60


@dataclass(frozen=True)
class SharedBatch:
    """Tells the main process where a worker has written a batch.

    Attributes:
        slot: The slot that holds the clips.
        number: The number of the batch, which tells it from earlier and later batches in the same slot.
        num_clips: B, the number of clips.
        rest: The other fields of the batch.
    """

    slot: int
    number: int
    num_clips: int
    rest: dict[str, NDArray[np.generic]]


class SharedSlots:
    """Shares slots of memory, each for one batch of clips, between the workers and the main process.

    Each worker writes to its own slots in turn. It begins a batch only when the main process has taken all but
    :data:`PREFETCH` of its earlier ones, so the slot that it overwrites has been copied.

    Args:
        num_workers: The number of workers.
        batch_size: The largest number of clips in a batch.
        clip_shape: F,H,W,C of each clip, uint8.
    """

    def __init__(self, num_workers: int, batch_size: int, clip_shape: tuple[int, int, int, int]) -> None:
        num_slots = num_workers * SLOTS_PER_WORKER
        self._clips_NBFHWC = _shared_zeros(prod((num_slots, batch_size, *clip_shape))).view(
            num_slots, batch_size, *clip_shape
        )
        self._numbers_N = _shared_zeros(num_slots * 8).view(torch.int64)
        self._num_begun = 0  # batches that this process has begun, if it is a worker

    def next_slot(self) -> NDArray[np.uint8]:
        """Begins a batch in a worker, and returns the memory for its clips, B,F,H,W,C."""
        self._num_begun += 1
        slot = self._own_slot()
        self._numbers_N[slot] = self._num_begun
        return self._clips_NBFHWC[slot].numpy()

    def pack(self, samples: Sequence[Sample]) -> SharedBatch:
        """Describes the batch whose clips were written to the slot that this worker began last."""
        rest = collate([cast(Sample, {name: sample[name] for name in sample if name != "clip"}) for sample in samples])  # type: ignore[literal-required]
        # Arrays travel in the message itself; each tensor would be shared memory of its own.
        arrays = {name: tensor.numpy() for name, tensor in rest.items() if isinstance(tensor, Tensor)}
        return SharedBatch(self._own_slot(), self._num_begun, len(samples), arrays)

    def unpack(self, batch: SharedBatch, pin_memory: bool) -> Sample:
        """Copies a batch out of its slot.

        Args:
            batch: The batch as the worker described it.
            pin_memory: Copies into pinned memory, which a GPU fetches by itself.

        Raises:
            RuntimeError: If the slot holds another batch by now, which DataLoader's promises rule out.
        """
        shared_BFHWC = self._clips_NBFHWC[batch.slot, : batch.num_clips]
        clips_BFHWC = torch.empty(shared_BFHWC.shape, dtype=torch.uint8, pin_memory=pin_memory)
        # By NumPy, on one thread: PyTorch's would take the workers' cores away while they wait for each other.
        np.copyto(clips_BFHWC.numpy(), shared_BFHWC.numpy())
        if int(self._numbers_N[batch.slot]) != batch.number:
            raise RuntimeError("a worker wrote the next clips over a batch before it was used")
        rest = {name: torch.from_numpy(array) for name, array in batch.rest.items()}
        return cast(Sample, {"clip": clips_BFHWC, **rest})

    def _own_slot(self) -> int:
        """Finds the slot of the batch that this worker began last."""
        worker = get_worker_info()
        assert worker is not None, "the main process has nothing to send"
        return worker.id * SLOTS_PER_WORKER + self._num_begun % SLOTS_PER_WORKER


class _SlotDataset(Dataset[Sample]):
    """Writes the clips of a batch into the worker's next slot.

    Args:
        dataset: The clips.
        slots: The memory that they are written to.
    """

    def __init__(self, dataset: ClipDataset, slots: SharedSlots) -> None:
        self._dataset = dataset
        self._slots = slots

    def __getitems__(self, positions: Sequence[int]) -> list[Sample]:
        """Loads a whole batch, which PyTorch asks for at once where it can."""
        places = self._slots.next_slot()[: len(positions)]
        return [self._dataset.load(position, place) for position, place in zip(positions, places, strict=True)]


class ClipLoader(DataLoader[Sample]):
    """Loads batches of uint8 clips.

    Args:
        dataset: The clips.
        sampler: Gives the positions to load, in order.
        batch_size: B, the number of clips in a batch.
        clip_shape: F,H,W,C of each clip; None where clips come encoded.
        num_workers: The number of worker processes; 0 loads in this process.
        persistent_workers: Keeps the workers alive between epochs.
        pin_memory: Puts batches into pinned memory, which a GPU fetches by itself.
        drop_last: Leaves out the last batch if it is incomplete.
    """

    def __init__(
        self,
        dataset: ClipDataset,
        sampler: Sampler[int],
        batch_size: int,
        clip_shape: tuple[int, int, int, int] | None,
        *,
        num_workers: int,
        persistent_workers: bool,
        pin_memory: bool,
        drop_last: bool,
    ) -> None:
        self._slots = SharedSlots(num_workers, batch_size, clip_shape) if num_workers and clip_shape else None
        self._pin_here = pin_memory
        super().__init__(
            dataset if self._slots is None else _SlotDataset(dataset, self._slots),
            batch_size=batch_size,
            sampler=sampler,
            num_workers=num_workers,
            worker_init_fn=_begin_worker,
            # It draws a number when its workers start. Drawn from the training's own generator, the noise that follows
            # would depend on how often a run was resumed.
            generator=torch.Generator(),
            prefetch_factor=PREFETCH if num_workers else None,
            persistent_workers=persistent_workers and num_workers > 0,
            pin_memory=pin_memory and self._slots is None,
            collate_fn=collate if self._slots is None else self._slots.pack,
            drop_last=drop_last,
        )

    def __iter__(self) -> Iterator[Sample]:  # type: ignore[override]
        """Gives the batches of one epoch."""
        return map(self._receive, super().__iter__())

    def _receive(self, received: Sample | SharedBatch) -> Sample:
        if isinstance(received, SharedBatch):
            assert self._slots is not None
            return self._slots.unpack(received, self._pin_here)
        return received


def _begin_worker(worker_id: int) -> None:  # noqa: ARG001  DataLoader passes it
    """Keeps OpenCV to one thread, because the workers fill the cores, and leaves signals to the main process.

    Ctrl-C and Slurm signal all processes, and the main one still needs its batches. DataLoader sees to PyTorch's
    threads itself, and ends a worker that hangs by SIGTERM, which may take a while longer then.
    """
    cv2.setNumThreads(0)
    for ignored in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(_SECONDS_TO_OUTLIVE))


def _shared_zeros(num_bytes: int) -> Tensor:
    """Makes zeros that child processes see and write to."""
    if multiprocessing.get_start_method() == "fork":
        return torch.frombuffer(mmap.mmap(-1, num_bytes), dtype=torch.uint8)
    return torch.zeros(num_bytes, dtype=torch.uint8).share_memory_()
