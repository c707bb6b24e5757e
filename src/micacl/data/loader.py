"""A data loader whose workers write clips into memory that is kept.

PyTorch's own makes new shared memory for each batch and maps it anew in both processes; for clips out of the cache that
takes longer than reading and augmenting them (benchmarks/data.py). The memory here is no file in /dev/shm where workers
are forked, so that a container's small /dev/shm does not matter.
"""

import mmap
import multiprocessing
import signal
import weakref
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

# Batches that each worker is ahead; DataLoader's own default.
PREFETCH = 2
# Slots of a worker: for those batches, for the one that it begins, and for one that is lent.
_SLOTS = PREFETCH + 2
# More than a run takes to save and leave.
_SECONDS_TO_OUTLIVE = 60


@dataclass(frozen=True)
class Parcel:
    """What a worker sends in the place of a batch.

    Attributes:
        slot: Where the clips lie.
        number: Of the batch in this slot, to tell it from those before and after.
        num_clips: B.
        rest: The other fields of the batch.
    """

    slot: int
    number: int
    num_clips: int
    rest: dict[str, NDArray[np.generic]]


class SharedClips:
    """Slots of memory that the workers and the main process share, a batch of clips in each.

    At most :data:`PREFETCH` batches of a worker are under way when it begins another, so their slots are left alone.
    The main process is lent one more slot of each worker, until it has forgotten that batch, and copies the others.

    Args:
        num_workers: Workers.
        batch_size: Most clips in a batch.
        clip_shape: F,H,W,C of each clip, uint8.
    """

    def __init__(self, num_workers: int, batch_size: int, clip_shape: tuple[int, int, int, int]) -> None:
        num_slots = num_workers * _SLOTS
        self._clips_NBFHWC = _shared(prod((num_slots, batch_size, *clip_shape))).view(
            num_slots, batch_size, *clip_shape
        )
        self._numbers_N = _shared(num_slots * 8).view(torch.int64)
        self._lent_N = _shared(num_slots).view(torch.bool)
        # Of this process, if it is a worker.
        self._num_begun = 0
        self._under_way: list[int] = []

    def next_slot(self) -> NDArray[np.uint8]:
        """Where a worker's next batch is to be written, B,F,H,W,C."""
        worker = get_worker_info()
        assert worker is not None, "the main process has nothing to send"
        own = range(worker.id * _SLOTS, (worker.id + 1) * _SLOTS)
        slot = next(slot for slot in own if slot not in self._under_way and not self._lent_N[slot])
        self._under_way = [*self._under_way, slot][-PREFETCH:]
        self._num_begun += 1
        self._numbers_N[slot] = self._num_begun
        return self._clips_NBFHWC[slot].numpy()

    def pack(self, samples: Sequence[Sample]) -> Parcel:
        """What to send of the batch whose clips lie in the slot that was begun last."""
        rest = collate([cast(Sample, {name: sample[name] for name in sample if name != "clip"}) for sample in samples])  # type: ignore[literal-required]
        # Arrays travel in the message itself; each tensor would be shared memory of its own.
        arrays = {name: tensor.numpy() for name, tensor in rest.items() if isinstance(tensor, Tensor)}
        return Parcel(self._under_way[-1], self._num_begun, len(samples), arrays)

    def unpack(self, parcel: Parcel, pin_memory: bool) -> Sample:
        """Take a batch out of its slot.

        Raises:
            RuntimeError: If the slot holds another batch by now, which DataLoader's promises rule out.
        """
        first = parcel.slot - parcel.slot % _SLOTS
        copied = pin_memory or bool(self._lent_N[first : first + _SLOTS].any())
        clips_BFHWC = self._copy(parcel, pin_memory) if copied else self._lend(parcel)
        if int(self._numbers_N[parcel.slot]) != parcel.number:
            raise RuntimeError("a worker wrote the next clips over a batch before it was used")
        rest = {name: torch.from_numpy(array) for name, array in parcel.rest.items()}
        return cast(Sample, {"clip": clips_BFHWC, **rest})

    def _copy(self, parcel: Parcel, pin_memory: bool) -> Tensor:
        shared_BFHWC = self._clips_NBFHWC[parcel.slot, : parcel.num_clips]
        clips_BFHWC = torch.empty(shared_BFHWC.shape, dtype=torch.uint8, pin_memory=pin_memory)
        # By NumPy, on one thread: PyTorch's would take the workers' cores away while they wait for each other.
        np.copyto(clips_BFHWC.numpy(), shared_BFHWC.numpy())
        return clips_BFHWC

    def _lend(self, parcel: Parcel) -> Tensor:
        """The slot itself, which the worker leaves alone until no tensor refers to it any more."""
        self._lent_N[parcel.slot] = True
        lent_BFHWC = self._clips_NBFHWC[parcel.slot, : parcel.num_clips].numpy()
        weakref.finalize(lent_BFHWC, self._lent_N.__setitem__, parcel.slot, False).atexit = False
        return torch.from_numpy(lent_BFHWC)


class _IntoSlots(Dataset[Sample]):
    """A data set that writes the clips of a batch where the main process can take them.

    Args:
        dataset: The clips.
        shared: Where they are written.
    """

    def __init__(self, dataset: ClipDataset, shared: SharedClips) -> None:
        self._dataset = dataset
        self._shared = shared

    def __getitems__(self, positions: Sequence[int]) -> list[Sample]:
        """The batch; PyTorch asks for it at once where it can."""
        places = self._shared.next_slot()[: len(positions)]
        return [self._dataset.load(position, place) for position, place in zip(positions, places, strict=True)]


class ClipLoader(DataLoader[Sample]):
    """Batches of clips, uint8.

    Args:
        dataset: The clips.
        sampler: The positions to load.
        batch_size: Clips in a batch.
        clip_shape: F,H,W,C of each clip; None where clips come encoded.
        num_workers: Processes; 0 loads in this one.
        persistent_workers: The workers live on between epochs.
        pin_memory: Batches lie where a GPU can fetch them by itself.
        drop_last: Leave out the last incomplete batch.
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
        self._shared = SharedClips(num_workers, batch_size, clip_shape) if num_workers and clip_shape else None
        self._pin_here = pin_memory
        super().__init__(
            dataset if self._shared is None else _IntoSlots(dataset, self._shared),
            batch_size=batch_size,
            sampler=sampler,
            num_workers=num_workers,
            worker_init_fn=_begin_worker,
            # It draws a number when its workers start. Drawn from the training's own generator, the noise that follows
            # would depend on how often a run was resumed.
            generator=torch.Generator(),
            prefetch_factor=PREFETCH if num_workers else None,
            persistent_workers=persistent_workers and num_workers > 0,
            pin_memory=pin_memory and self._shared is None,
            collate_fn=collate if self._shared is None else self._shared.pack,
            drop_last=drop_last,
        )

    def __iter__(self) -> Iterator[Sample]:  # type: ignore[override]
        """The batches of one epoch."""
        return map(self._receive, super().__iter__())

    def _receive(self, received: Sample | Parcel) -> Sample:
        if isinstance(received, Parcel):
            assert self._shared is not None
            return self._shared.unpack(received, self._pin_here)
        return received


def _begin_worker(worker_id: int) -> None:  # noqa: ARG001  DataLoader passes it
    """The workers together fill the cores, and leave it to the main process to end.

    Ctrl-C and Slurm signal all processes, and the main one still needs its batches. DataLoader sees to PyTorch's
    threads itself, and ends a worker that hangs by SIGTERM, which may take a while longer then.
    """
    cv2.setNumThreads(0)
    for ignored in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(_SECONDS_TO_OUTLIVE))


def _shared(num_bytes: int) -> Tensor:
    """Zeros that child processes see, and write to."""
    if multiprocessing.get_start_method() == "fork":
        return torch.frombuffer(mmap.mmap(-1, num_bytes), dtype=torch.uint8)
    return torch.zeros(num_bytes, dtype=torch.uint8).share_memory_()
