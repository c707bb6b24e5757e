from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import lightning
import pytest
import torch
from tests.processes import run_processes
from torch import Tensor, nn

from micacl.data.datamodule import ClipDataModule
from micacl.data.split import Clip, SkippedClip, Split, class_counts
from micacl.errors import DecodeError, UserError

if TYPE_CHECKING:
    from tests.data.conftest import WriteVideo

    from micacl.data.dataset import Sample

CLASSES = ("happiness", "sadness", "neutral")
NUM_TRAIN, NUM_TEST = 22, 11


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory, write_video: WriteVideo) -> Split:
    folder = tmp_path_factory.mktemp("split")
    clips = tuple(
        Clip(f"{i}", write_video(folder / f"{i}.mp4", 18 + i), i % 3, f"s{i // 2}") for i in range(NUM_TRAIN + NUM_TEST)
    )
    return Split(CLASSES, clips[:NUM_TRAIN], clips[NUM_TRAIN:])


def module(split: Split, **options: Any) -> ClipDataModule:
    return ClipDataModule(
        split, **({"size": 32, "frame_size": 48, "batch_size": 4, "num_workers": 0, "seed": 3} | options)
    )


# Stage, epoch, indices of the clips of a batch, mean pixel of each.
Given = tuple[str, int, list[int], list[float]]


class Recorder(lightning.LightningModule):
    """Learns nothing; remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1, bias=False)
        self.given: list[Given] = []

    def _remember(self, stage: str, batch: Sample) -> None:
        assert batch["clip"].dtype == torch.float32
        assert batch["clip"].shape[1:] == (3, 16, 32, 32)
        brightness = batch["clip"].double().mean((1, 2, 3, 4)).tolist()
        self.given.append((stage, self.current_epoch, batch["index"].tolist(), brightness))

    def training_step(self, batch: Sample) -> Tensor:
        self._remember("train", batch)
        return self.layer.weight.sum()

    def validation_step(self, batch: Sample) -> None:
        self._remember("val", batch)

    def test_step(self, batch: Sample) -> None:
        self._remember("test", batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def run(data: ClipDataModule, num_epochs: int = 2, **devices: Any) -> list[Given]:
    """Trains and tests, and returns what the network was given."""
    trainer = lightning.Trainer(
        max_epochs=num_epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **devices,
    )
    recorder = Recorder()
    trainer.fit(recorder, data)
    trainer.test(recorder, data, verbose=False)
    return recorder.given


def indices(given: list[Given], stage: str, epoch: int | None = None) -> list[list[int]]:
    return [batch for name, at, batch, _ in given if name == stage and epoch in (None, at)]


def flat(batches: list[list[int]]) -> list[int]:
    return [index for batch in batches for index in batch]


def test_every_evaluation_clip_is_given_once_and_in_order(split: Split) -> None:
    given = run(module(split))
    for stage in ("val", "test"):
        batches = indices(given, stage, 0 if stage == "val" else None)
        assert [len(batch) for batch in batches] == [4, 4, 3]
        assert flat(batches) == list(range(NUM_TEST))


def test_training_drops_the_last_incomplete_batch_and_shuffles_each_epoch(split: Split) -> None:
    given = run(module(split))
    for epoch in (0, 1):
        batches = indices(given, "train", epoch)
        assert [len(batch) for batch in batches] == [4] * 5
        assert len(set(flat(batches))) == 20
    assert indices(given, "train", 0) != indices(given, "train", 1)


def test_a_clip_is_drawn_anew_in_each_epoch_of_training_and_never_in_evaluation(split: Split) -> None:
    seen: dict[tuple[str, int], set[float]] = {}
    for stage, _, batch, brightness in run(module(split, num_workers=1)):
        for index, value in zip(batch, brightness, strict=True):
            seen.setdefault((stage, index), set()).add(value)
    trained_twice = [len(values) for (stage, _), values in seen.items() if stage == "train"]
    assert sorted(set(trained_twice)) in ([1, 2], [2])
    assert trained_twice.count(1) <= 4  # the clips that fell into a dropped batch
    assert {len(values) for (stage, _), values in seen.items() if stage != "train"} == {1}


@pytest.mark.parametrize("batch_size", [22, 23, 100])
def test_an_epoch_is_never_empty(batch_size: int, split: Split) -> None:
    assert [len(batch) for batch in indices(run(module(split, batch_size=batch_size), 1), "train")] == [22]


def test_workers_and_restarts_change_nothing_and_the_seed_does(split: Split) -> None:
    alone = run(module(split))
    assert alone == run(module(split))
    assert alone == run(module(split, num_workers=2))
    assert alone != run(module(split, seed=4))


def test_resuming_gives_the_epochs_that_were_left(split: Split, tmp_path: Path) -> None:
    whole = run(module(split), 3)
    options: dict[str, Any] = {
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "num_sanity_val_steps": 0,
    }
    first = lightning.Trainer(max_epochs=1, **options)
    first.fit(Recorder(), module(split))
    first.save_checkpoint(tmp_path / "first.ckpt")
    rest = Recorder()
    lightning.Trainer(max_epochs=3, **options).fit(rest, module(split), ckpt_path=tmp_path / "first.ckpt")
    assert indices(rest.given, "train") == indices(whole, "train", 1) + indices(whole, "train", 2)
    assert [row for row in rest.given if row[0] == "train"] == [
        row for row in whole if row[0] == "train" and row[1] > 0
    ]


def test_published_validates_on_the_test_split(split: Split) -> None:
    data = module(split)
    assert data.clips("val") == data.clips("test") == split.test
    assert data.clips("train") == split.train
    assert data.class_names == CLASSES
    assert data.class_counts == class_counts(split.train, 3)
    assert data.clip_names("test") == [clip.name for clip in split.test]
    assert data.skipped == ()


def test_holdout_validates_on_a_part_of_the_training_split(split: Split) -> None:
    data = module(split, validation_fraction=0.25)
    train, val = data.clips("train"), data.clips("val")
    assert {*train, *val} == set(split.train)
    assert not {clip.subject for clip in train} & {clip.subject for clip in val}
    assert data.class_counts == class_counts(train, 3)
    assert sum(data.class_counts) == len(train) < NUM_TRAIN
    assert data.clips("test") == split.test
    assert flat(indices(run(data, 1), "val")) == list(range(len(val)))


def test_a_split_is_loaded_when_it_is_needed(split: Split) -> None:
    calls: list[int] = []

    def load_split() -> Split:
        calls.append(1)
        return split

    data = ClipDataModule(load_split)
    assert not calls
    assert data.class_names == CLASSES
    assert data.class_counts == class_counts(split.train, 3)
    assert len(calls) == 1


def replace_files(split: Split, folder: Path, bad: set[str]) -> Split:
    """Returns the split with some of its clips' files damaged."""

    def replace(clip: Clip) -> Clip:
        if clip.name not in bad:
            return clip
        path = folder / f"bad{clip.name}.mp4"
        path.write_text("no video")
        return Clip(clip.name, path, clip.label, clip.subject)

    return Split(split.class_names, tuple(map(replace, split.train)), tuple(map(replace, split.test)))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_damaged_clip_stops_the_run_and_is_named(num_workers: int, split: Split, tmp_path: Path) -> None:
    damaged = replace_files(split, tmp_path, {"5"})
    with pytest.raises(DecodeError) as caught:
        run(module(damaged, num_workers=num_workers))
    assert str(caught.value) == f"{tmp_path / 'bad5.mp4'} cannot be decoded: Invalid data found when processing input"


def test_skip_leaves_damaged_clips_out_and_lists_them(split: Split, tmp_path: Path) -> None:
    damaged = replace_files(split, tmp_path, {"5", "7", "25"})
    data = module(damaged, on_error="skip", num_workers=2)
    assert [(clip.name, clip.path) for clip in data.skipped] == [
        (name, tmp_path / f"bad{name}.mp4") for name in ("5", "7", "25")
    ]
    assert all("Invalid data" in clip.reason for clip in data.skipped)
    assert data.clip_names("train") == [clip.name for clip in split.train if clip.name not in ("5", "7")]
    assert sum(data.class_counts) == NUM_TRAIN - 2
    assert flat(indices(run(data, 1), "test")) == list(range(NUM_TEST - 1))


def test_skip_decodes_every_frame(split: Split, tmp_path: Path, write_video: WriteVideo) -> None:
    # More frames than are decoded at once, and only a late one is damaged.
    data = write_video(tmp_path / "whole.mp4", 150, options={"movflags": "faststart"}).read_bytes()
    late = tmp_path / "late.mp4"
    late.write_bytes(data[:-60] + bytes(60))
    assert class_counts(split.train, 3)[0] > 1
    clips = (Clip("late", late, 0), *split.train[1:])
    skipped = module(Split(CLASSES, clips, split.test), on_error="skip").skipped
    assert [clip.name for clip in skipped] == ["late"]


def test_a_class_of_which_nothing_is_left_is_an_error(split: Split, tmp_path: Path) -> None:
    damaged = replace_files(split, tmp_path, {clip.name for clip in split.train if clip.label == 1})
    with pytest.raises(UserError, match="no training clip shows sadness"):
        _ = module(damaged, on_error="skip").class_counts


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"num_frames": 0}, "num_frames is 0; set it to 1 or more"),
        ({"size": 0}, "size is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"num_workers": -1}, "num_workers is -1; set it to auto, or to 0 or more"),
        ({"num_workers": "many"}, "num_workers is many"),
        ({"seed": -1}, "seed is -1"),
        ({"on_error": "ignore"}, "on_error is ignore; set it to raise or skip"),
        ({"crop_scale": (0, 2)}, "crop_scale is"),
    ],
)
def test_an_option_out_of_range_is_an_error(option: dict[str, Any], message: str, split: Split) -> None:
    with pytest.raises(UserError, match=message):
        module(split, **option)


def pretend(data: ClipDataModule, num_processes: int, rank: int) -> ClipDataModule:
    """Attaches what the data module asks a trainer for."""
    data.trainer = SimpleNamespace(  # type: ignore[assignment]
        world_size=num_processes,
        global_rank=rank,
        num_devices=num_processes,
        strategy=SimpleNamespace(root_device=torch.device("cpu")),
    )
    return data


def test_the_global_batch_must_divide_among_the_processes(split: Split) -> None:
    with pytest.raises(UserError, match=r"batch_size is 4, .* all 3 processes; set it to a multiple of 3"):
        pretend(module(split), 3, 0).train_dataloader()


def test_the_cpus_are_shared_by_the_devices(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    for num_cpus, num_devices, expected in ((2, 1, 2), (64, 1, 8), (64, 4, 8), (16, 4, 4), (2, 8, 1)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=num_cpus: set(range(n)), raising=False)
        data = pretend(module(split, num_workers="auto", batch_size=num_devices), num_devices, 0)
        assert data.train_dataloader().num_workers == expected
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert pretend(module(split, num_workers="auto"), 1, 0).test_dataloader().num_workers == 3


def share(rank: int, split: Split) -> list[Any]:
    """What one of two processes was given, and the clips that it leaves out."""
    os.environ["LOCAL_RANK"] = str(rank)
    bad = split.train[3]
    # Only the first process finds a bad clip, as when a network disk fails for a moment.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "micacl.data.datamodule.find_undecodable",
            lambda *_, **__: [SkippedClip(bad.name, bad.path, "?")] if rank == 0 else [],
        )
        data = module(split, on_error="skip")
        return [run(data, devices=2, strategy="ddp", use_distributed_sampler=False), [c.name for c in data.skipped]]


def test_two_processes_share_the_batches_of_one(split: Split, tmp_path: Path) -> None:
    (given0, skipped0), (given1, skipped1) = run_processes(partial(share, split=split), tmp_path)
    assert skipped0 == skipped1 == ["3"]
    left = Split(CLASSES, tuple(clip for clip in split.train if clip.name != "3"), split.test)
    alone = run(module(left))
    for epoch in (0, 1):
        together = [
            sorted(a + b) for a, b in zip(indices(given0, "train", epoch), indices(given1, "train", epoch), strict=True)
        ]
        assert together == [sorted(batch) for batch in indices(alone, "train", epoch)]
    tested = flat(indices(given0, "test") + indices(given1, "test"))
    assert set(tested) == set(range(NUM_TEST))
    assert len(tested) == NUM_TEST + 1
