from __future__ import annotations

import multiprocessing
import time
from typing import TYPE_CHECKING

import pytest
import torch
from torch.utils.data import BatchSampler

from micacl.data.dataset import ClipDataset, Sample, collate
from micacl.data.loader import ClipLoader, SharedBatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

SHAPE = (2, 5, 6, 3)


class Numbered(ClipDataset):
    """Gives random clips, some of which take longer than others."""

    def __init__(self, num_clips: int, broken: int | None = None) -> None:
        self.num_clips = num_clips
        self.broken = broken

    def __len__(self) -> int:
        return self.num_clips

    def load(self, position: int, out: NDArray[np.uint8] | None = None) -> Sample:
        if position == self.broken:
            raise OSError(f"clip {position} is broken")
        generator = torch.Generator().manual_seed(position)
        time.sleep(0.003 * (position % 3))
        clip = torch.randint(0, 256, SHAPE, dtype=torch.uint8, generator=generator)
        if out is not None:
            out[:] = clip.numpy()
        return {
            "clip": clip if out is None else torch.from_numpy(out),
            "label": torch.tensor(position % 7),
            "index": torch.tensor(position),
            "draw": torch.rand(8, dtype=torch.float64, generator=generator),
        }


def load(dataset: Numbered, positions: list[int], batch_size: int, num_workers: int, **options: bool) -> ClipLoader:
    options = {"persistent_workers": True, "pin_memory": False, "drop_last": False} | options
    return ClipLoader(dataset, positions, batch_size, SHAPE, num_workers=num_workers, **options)  # type: ignore[arg-type]


def expected(dataset: Numbered, positions: list[int], batch_size: int, drop_last: bool = False) -> Iterator[Sample]:
    for batch in BatchSampler(positions, batch_size, drop_last):
        yield collate([dataset[index] for index in batch])


def assert_same(batches: list[Sample], reference: list[Sample]) -> None:
    assert len(batches) == len(reference)
    for batch, right in zip(batches, reference, strict=True):
        assert batch.keys() == right.keys()
        for name, values in right.items():
            assert isinstance(values, torch.Tensor)
            assert torch.equal(batch[name], values)  # type: ignore[literal-required]
            assert batch[name].dtype == values.dtype  # type: ignore[literal-required]


@pytest.mark.parametrize("num_workers", [0, 1, 2])
@pytest.mark.parametrize("drop_last", [False, True])
def test_the_batches_are_those_of_the_clips_in_this_order_and_stay_what_they_are(
    num_workers: int, drop_last: bool
) -> None:
    dataset = Numbered(50)
    positions = torch.randperm(50, generator=torch.Generator().manual_seed(1)).tolist()
    loader = load(dataset, positions, 4, num_workers, drop_last=drop_last)
    reference = list(expected(dataset, positions, 4, drop_last))
    for _ in range(2):  # epochs; all batches of one are kept while the workers go on
        assert_same(list(loader), reference)


def test_a_slow_reader_gets_the_same_batches() -> None:
    dataset = Numbered(40)
    positions = list(range(40))
    batches = []
    for batch in load(dataset, positions, 2, 2):
        time.sleep(0.02)
        batches.append(batch)
    assert_same(batches, list(expected(dataset, positions, 2)))


def test_workers_that_go_on_meanwhile_leave_a_batch_alone_that_is_being_taken_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = Numbered(24)
    loader = load(dataset, list(range(24)), 2, 2)
    assert loader._slots is not None
    unpack = loader._slots.unpack

    def slowly(batch: SharedBatch, pin_memory: bool) -> Sample:
        time.sleep(0.1)
        return unpack(batch, pin_memory)

    monkeypatch.setattr(loader._slots, "unpack", slowly)
    assert_same(list(loader), list(expected(dataset, list(range(24)), 2)))


def test_an_epoch_that_is_left_early_does_not_disturb_the_next() -> None:
    dataset = Numbered(30)
    positions = list(range(30))
    loader = load(dataset, positions, 2, 2)
    for stop in (1, 4, 7):
        for number, _ in enumerate(loader):
            if number == stop:
                break
        assert_same(list(loader), list(expected(dataset, positions, 2)))


def test_workers_that_are_spawned_load_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda: "spawn")
    dataset = Numbered(12)
    positions = list(range(12))
    loader = load(dataset, positions, 3, 1, persistent_workers=False)
    loader.multiprocessing_context = multiprocessing.get_context("spawn")
    assert_same(list(loader), list(expected(dataset, positions, 3)))


def test_what_a_worker_raises_arrives() -> None:
    with pytest.raises(OSError, match="clip 5 is broken"):
        list(load(Numbered(8, broken=5), list(range(8)), 2, 2))


def test_a_batch_that_was_written_over_is_not_returned() -> None:
    loader = load(Numbered(8), list(range(8)), 2, 1)
    batch = SharedBatch(slot=0, number=2, num_clips=2, rest={})
    assert loader._slots is not None
    with pytest.raises(RuntimeError, match="wrote the next clips over"):
        loader._slots.unpack(batch, pin_memory=False)
