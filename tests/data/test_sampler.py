"""Checks how often each class comes, in which order, and on which process."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest

from micacl.data.augmentation import TrainingAugmentation
from micacl.data.dataset import TrainingDataset
from micacl.data.frames.source import DecodedFrames
from micacl.data.sampler import SamplerChoice, TrainingSampler
from micacl.data.split import Clip

if TYPE_CHECKING:
    from tests.data.conftest import WriteVideo

COUNTS = [400, 90, 30, 7, 1]
every_choice = pytest.mark.parametrize("choice", get_args(SamplerChoice))
resampled = pytest.mark.parametrize("choice", ["class_balanced", "square_root"])


def dataset(counts: list[int]) -> TrainingDataset:
    """Makes a data set of clips that are never read."""
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    clips = [Clip(f"{i}", Path(f"{i}.mp4"), label) for i, label in enumerate(labels)]
    return TrainingDataset(clips, DecodedFrames(64), 16, 48, TrainingAugmentation((0.5, 1.0), 0.4), 0)


def orders(
    choice: SamplerChoice, world: int, num_epochs: int, counts: list[int] = COUNTS, seed: int = 0
) -> list[list[list[int]]]:
    """Returns the positions by epoch and process."""
    samplers = [TrainingSampler(dataset(counts), world, rank, seed, choice) for rank in range(world)]
    epochs = []
    for epoch in range(num_epochs):
        for sampler in samplers:
            sampler.set_epoch(epoch)
        epochs.append([list(sampler) for sampler in samplers])
    return epochs


@every_choice
def test_classes_come_as_often_as_their_share_says(choice: SamplerChoice) -> None:
    labels = np.repeat(np.arange(len(COUNTS)), COUNTS)
    drawn = Counter(int(labels[position % len(labels)]) for (order,) in orders(choice, 1, 60) for position in order)
    num_draws = 60 * sum(COUNTS)
    assert sum(drawn.values()) == num_draws
    roots = sum(count**0.5 for count in COUNTS)
    for label, count in enumerate(COUNTS):
        share = {
            "uniform": count / sum(COUNTS), "class_balanced": 1 / len(COUNTS), "square_root": count**0.5 / roots,
        }[choice]  # fmt: skip
        deviation = 0 if choice == "uniform" else (share * (1 - share) / num_draws) ** 0.5
        assert drawn[label] / num_draws == pytest.approx(share, abs=4 * deviation + 1e-12)


@resampled
def test_no_clip_comes_again_before_all_of_its_class_have_come(choice: SamplerChoice) -> None:
    labels = np.repeat(np.arange(len(COUNTS)), COUNTS)
    for (order,) in orders(choice, 1, 5):
        times = Counter(position % len(labels) for position in order)
        for label, count in enumerate(COUNTS):
            often = [times[int(index)] for index in np.flatnonzero(labels == label)]
            assert len(often) == count
            assert max(often) - min(often) <= 1


@every_choice
def test_each_repetition_has_a_position_of_its_own(choice: SamplerChoice) -> None:
    for (order,) in orders(choice, 1, 3):
        assert len(set(order)) == len(order) == sum(COUNTS)
        assert min(order) >= 0


@every_choice
@pytest.mark.parametrize("world", [2, 3, 5])
def test_processes_share_the_draws_of_one(choice: SamplerChoice, world: int) -> None:
    for (alone,), parts in zip(orders(choice, 1, 3), orders(choice, world, 3), strict=True):
        assert len({len(part) for part in parts}) == 1
        together = [position for step in zip(*parts, strict=True) for position in step]
        assert together[: len(alone)] == alone
        assert together[len(alone) :] == alone[: len(together) - len(alone)]


@every_choice
def test_epochs_and_seeds_differ_and_repeat(choice: SamplerChoice) -> None:
    first, second = orders(choice, 1, 2)
    assert first != second
    assert [first, second] == orders(choice, 1, 2)
    # Seed 1 must not walk through seed 0's orders one epoch later.
    others = [order for (order,) in orders(choice, 1, 4, seed=1)]
    assert first[0] not in others
    assert second[0] not in others


@resampled
@pytest.mark.parametrize("counts", [[1], [1, 1], [0, 3, 1], [2, 50]])
def test_small_and_absent_classes(choice: SamplerChoice, counts: list[int]) -> None:
    for epoch in orders(choice, 2, 4, counts):
        for part in epoch:
            assert len(part) == -(-sum(counts) // 2)


def test_a_repeated_clip_is_drawn_anew(tmp_path: Path, write_video: WriteVideo) -> None:
    clip = Clip("0", write_video(tmp_path / "0.mp4", 40), 0)
    clips = TrainingDataset([clip], DecodedFrames(64), 16, 48, TrainingAugmentation((0.5, 1.0), 0.4), 0)
    first, again, second = clips[clips.position(0, 0)], clips[clips.position(0, 0)], clips[clips.position(0, 1)]
    assert bool((first["clip"] == again["clip"]).all())
    assert not bool((first["clip"] == second["clip"]).all())
    assert int(second["index"]) == 0
