from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from micacl.data.augmentation import Draw, TrainingAugmentation, augment_batch
from micacl.data.dataset import ClipDataset, EvaluationDataset, Sample, TrainingDataset
from micacl.data.frames.source import DecodedFrames
from micacl.data.split import Clip
from micacl.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from tests.data.conftest import WriteVideo


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, write_video: WriteVideo) -> list[Clip]:
    folder = tmp_path_factory.mktemp("clips")
    return [Clip(f"{i}", write_video(folder / f"{i}.mp4", 20 + 3 * i), i % 3) for i in range(5)]


def training(clips: list[Clip], seed: int = 0) -> TrainingDataset:
    return TrainingDataset(clips, DecodedFrames(64), 16, 48, TrainingAugmentation((0.5, 1.0), 0.4), seed)


def pixels(dataset: TrainingDataset, num_workers: int, num_epochs: int) -> list[torch.Tensor]:
    """Loads the clips of some epochs, by workers that live through all of them."""
    loader: DataLoader[Sample] = DataLoader(
        dataset, batch_size=2, num_workers=num_workers, persistent_workers=num_workers > 0
    )
    epochs = []
    for epoch in range(num_epochs):
        dataset.set_epoch(epoch)
        epochs.append(torch.cat([batch["clip"] for batch in loader]))
    return epochs


def test_an_evaluation_clip_shows_the_middle_frames_in_their_order(
    clips: list[Clip], frame_numbers: Callable[[NDArray[np.uint8]], list[int]]
) -> None:
    dataset = EvaluationDataset(clips, DecodedFrames(64), 16, 64)
    assert len(dataset) == 5
    for index in range(5):
        sample = dataset[index]
        assert sample["clip"].shape == (16, 64, 64, 3)
        assert sample["clip"].dtype == torch.uint8
        assert (int(sample["label"]), int(sample["index"])) == (index % 3, index)
        num_frames = 20 + 3 * index
        expected = [(2 * i + 1) * num_frames // 32 for i in range(16)]
        assert frame_numbers(sample["clip"].numpy()) == expected


def test_a_training_clip_differs_by_epoch_and_seed_and_index_alone(clips: list[Clip]) -> None:
    same_clip_twice = [clips[0], clips[0]]
    dataset, again, other_seed = training(same_clip_twice), training(same_clip_twice), training(same_clip_twice, seed=1)
    assert dataset[0]["clip"].shape == (16, 48, 48, 3)
    assert (dataset[0]["clip"] == again[0]["clip"]).all()
    assert (dataset[0]["clip"] != dataset[1]["clip"]).any()
    assert (dataset[0]["clip"] != other_seed[0]["clip"]).any()
    again.set_epoch(1)
    assert (dataset[0]["clip"] != again[0]["clip"]).any()
    again.set_epoch(0)
    assert (dataset[0]["clip"] == again[0]["clip"]).all()


@pytest.mark.parametrize("num_workers", [1, 2])
def test_workers_change_nothing_and_hear_of_each_epoch(num_workers: int, clips: list[Clip]) -> None:
    alone = pixels(training(clips), 0, 3)
    shared = pixels(training(clips), num_workers, 3)
    for epoch in range(3):
        assert (alone[epoch] == shared[epoch]).all()
    assert (alone[0] != alone[1]).any()
    assert (alone[1] != alone[2]).any()


@pytest.mark.parametrize("color_jitter", [0.0, 0.4])
@pytest.mark.parametrize("size", [None, 48, 64])
@pytest.mark.parametrize("kind", ["training", "evaluation"])
def test_a_clip_is_written_where_the_caller_wants_it(
    kind: str, size: int | None, color_jitter: float, clips: list[Clip]
) -> None:
    source = DecodedFrames(64)
    dataset: ClipDataset
    if kind == "training":
        dataset = TrainingDataset(clips, source, 16, size, TrainingAugmentation((0.5, 1.0), color_jitter), seed=0)
    else:
        dataset = EvaluationDataset(clips, source, 16, size)
    side = 64 if size is None else size
    memory = np.zeros((3 * len(clips), 16, side, side, 3), np.uint8)
    for position in range(len(clips)):
        place = memory[3 * position + 1]
        sample = dataset.load(position, place)
        right = dataset[position]
        assert sample.keys() == right.keys()
        assert (place == right["clip"].numpy()).all()
        assert (sample["clip"] == right["clip"]).all()
    between = np.delete(memory, range(1, len(memory), 3), axis=0)
    assert not between.any()


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_clip_that_cannot_be_decoded_is_named_in_one_line(num_workers: int, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    dataset = EvaluationDataset([Clip("bad", bad, 0)], DecodedFrames(64), 16, 64)
    loader: DataLoader[Sample] = DataLoader(dataset, num_workers=num_workers)
    with pytest.raises(DecodeError) as caught:
        next(iter(loader))
    assert str(caught.value) == f"{bad} cannot be decoded: Invalid data found when processing input"


def test_left_to_the_device_a_clip_carries_its_draw_and_ends_as_in_the_worker(clips: list[Clip]) -> None:
    worker = training(clips)
    device = TrainingDataset(clips, DecodedFrames(64), 16, None, TrainingAugmentation((0.5, 1.0), 0.4), 0)
    batch: Sample = next(iter(DataLoader(device, batch_size=5)))
    assert batch["clip"].shape == (5, 16, 64, 64, 3)
    draws = [Draw(*fields) for fields in batch["draw"].tolist()]
    for index, clip in enumerate(augment_batch(batch["clip"], draws, 48)):
        difference = clip.int() - worker[index]["clip"].int()
        assert difference.abs().max() <= 4  # the frames are noise
        assert difference.abs().float().mean() < 0.5
