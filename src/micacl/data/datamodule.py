"""Gives the clips of one fold to Lightning as data loaders."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, cast, get_args

import lightning
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.data import DistributedSampler

from micacl.data.augmentation import Draw, TrainingAugmentation, augment_batch, normalize
from micacl.data.cache.parallel import find_undecodable
from micacl.data.cache.source import CachedFrames, choose_source
from micacl.data.cpus import loader_processes
from micacl.data.dataset import ClipDataset, EvaluationDataset, Sample, TrainingDataset
from micacl.data.frames.decoders import Backend, Decoding, Device, check_options, choose_decoding
from micacl.data.frames.encoded import EncodedClip, EncodedFrames
from micacl.data.frames.on_device import decode_batch
from micacl.data.frames.source import DecodedFrames, FrameSource
from micacl.data.frames.thumbnails import jpeg, middle_frame
from micacl.data.loader import ClipLoader
from micacl.data.sampler import EXPONENTS, SamplerChoice, TrainingSampler
from micacl.data.split import Clip, Division, Part, SkippedClip, Split, class_counts, divide
from micacl.errors import UserError

OnError = Literal["raise", "skip"]

log = logging.getLogger(__name__)


class ClipDataModule(lightning.LightningDataModule):
    """Loads the training, validation and test clips of one split.

    Args:
        load_split: The split, or a function that loads it (and may prepare its files first).
        validation_fraction: 0 validates on the test split, as published results do; above 0 validates on this share of
            the training split, held out by class and subject.
        num_frames: F, the number of frames taken of each clip.
        size: The height and width of a frame in pixels, as the network sees it.
        frame_size: The height and width of the squares that clips are brought to first, from the cache or not; from
            `size` to twice that.
        cache: The folder of the data set's cache, used if it holds every clip of the split; None decodes clips each
            time.
        batch_size: The number of clips in a global batch; each process takes its equal share.
        num_workers: The number of decoding processes of each training process, or "auto": the CPUs, shared by the
            devices of this machine, up to 8.
        seed: The seed of the hold-out, the order, the frames and the augmentation.
        on_error: "raise" stops at a clip that cannot be decoded; "skip" decodes every clip once beforehand, leaves the
            bad ones out on all processes alike, and lists them in `skipped`.
        crop_scale: The smallest and the largest share of a frame's area that a training crop keeps.
        color_jitter: The strength of the training clips' brightness, contrast and saturation changes.
        sampler: How often each class comes in training, see `TrainingSampler`.
        decode_backend: The decoder of clips that are not in the cache, see `frames.decoders`.
        decode_device: The device that decodes them, see `frames.decoders`.

    Raises:
        UserError: If an option is out of range.
    """

    def __init__(
        self,
        load_split: Split | Callable[[], Split],
        *,
        validation_fraction: float = 0.0,
        num_frames: int = 16,
        size: int = 112,
        frame_size: int = 128,
        cache: Path | None = None,
        batch_size: int = 32,
        num_workers: int | Literal["auto"] = "auto",
        seed: int = 0,
        on_error: OnError = "raise",
        crop_scale: Sequence[float] = (0.08, 1.0),
        color_jitter: float = 0.4,
        sampler: SamplerChoice = "uniform",
        decode_backend: Backend = "auto",
        decode_device: Device = "auto",
    ) -> None:
        super().__init__()
        for name, value in (("num_frames", num_frames), ("size", size), ("batch_size", batch_size)):
            if value < 1:
                raise UserError(f"{name} is {value}; set it to 1 or more")
        if not size <= frame_size <= 2 * size:
            raise UserError(
                f"cache.size is {frame_size}, the size that frames are kept at, and dataset.size is {size}, the size "
                f"that the network sees; set cache.size to {size} to {2 * size}"
            )
        if num_workers != "auto" and (not isinstance(num_workers, int) or num_workers < 0):
            raise UserError(f"num_workers is {num_workers}; set it to auto, or to 0 or more")
        if seed < 0:
            raise UserError(f"seed is {seed}; set it to 0 or more")
        if on_error not in get_args(OnError):
            raise UserError(f"on_error is {on_error}; set it to raise or skip")
        if sampler not in EXPONENTS:
            raise UserError(f"dataset.sampler is {sampler}; set it to {', '.join(EXPONENTS)}")
        check_options(decode_backend, decode_device)
        self._load_split = load_split
        self._sampler: SamplerChoice = sampler
        self._validation_fraction = validation_fraction
        self._num_frames = num_frames
        self._size = size
        self._frame_size = frame_size
        self._cache = cache
        self._batch_size = batch_size
        self._num_workers = num_workers
        self._seed = seed
        self._on_error = on_error
        self._augmentation = TrainingAugmentation(crop_scale, color_jitter)
        self._decode_backend = decode_backend
        self._decode_device = decode_device
        self._source: FrameSource = DecodedFrames(frame_size)
        self._decoding: Decoding | None = None
        self._division: Division | None = None
        self._trained = {"epoch": 0, "batches": 0}

    def state_dict(self) -> dict[str, int]:
        """Gives the epochs and batches that were trained on, without batches that workers have only loaded ahead."""
        assert self.trainer is not None
        loop: Any = self.trainer.fit_loop
        epochs, batches = loop.epoch_progress.current, loop.epoch_loop.batch_progress.current
        in_epoch = epochs.started > epochs.processed
        return {"epoch": epochs.processed, "batches": batches.processed if in_epoch else 0}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Resumes the training at a position, which with the seed decides which clips come and how they are drawn."""
        self._trained = dict(state_dict)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each label."""
        return self.split.class_names

    @property
    def class_counts(self) -> list[int]:
        """The number of training clips of each class, without those held out or skipped."""
        return class_counts(self.clips("train"), len(self.class_names))

    def middle_frames(self, part: Part) -> list[bytes]:
        """Reads the middle frame of each clip of one part, in the order of `Sample["index"]`, as small JPEGs."""
        return [middle_frame(clip, self._source) for clip in self.clips(part)]

    def frames(self, part: Part, index: int) -> list[bytes]:
        """Reads the frames of one clip as the network sees them at evaluation, before they are normalised, as JPEGs.

        Args:
            part: The part of the split.
            index: The clip's `Sample["index"]`.

        Raises:
            DecodeError: If the clip cannot be read.
        """
        dataset = EvaluationDataset(self.clips(part), self._source, self._num_frames, self._size)
        return [jpeg(frame_HWC) for frame_HWC in dataset[index]["clip"].numpy()]

    @property
    def split(self) -> Split:
        """The split as it was loaded, with nothing held out or skipped."""
        self._load()
        return self._split

    @property
    def skipped(self) -> tuple[SkippedClip, ...]:
        """The clips that cannot be decoded and were left out; none unless `on_error` is "skip"."""
        return self._load().skipped

    def clips(self, part: Part) -> tuple[Clip, ...]:
        """Lists the clips of one part, in the order of `Sample["index"]`."""
        return self._load().parts[part]

    def clip_names(self, part: Part) -> list[str]:
        """Lists the names of one part's clips, in the order of `Sample["index"]`."""
        return [clip.name for clip in self.clips(part)]

    def prepare_data(self) -> None:
        """Prepares the files, on one process of each machine, before the others read them."""
        if not isinstance(self._load_split, Split):
            self._load_split()

    def setup(self, stage: str) -> None:  # noqa: ARG002  Lightning calls it so
        """Loads the split; all processes leave out the clips that the first one found bad."""
        skipped = self._load().skipped
        if self._on_error == "skip" and self._world_size > 1 and self.trainer is not None:
            # One process may meet a passing disk fault that the others do not; different batches would then deadlock.
            self._divide(self._split, self.trainer.strategy.broadcast(skipped))
        self._choose_decoding()

    def train_dataloader(self) -> ClipLoader:
        """Loads shuffled, augmented clips; drops the last batch if it is incomplete and not the only one."""
        clips = self.clips("train")
        dataset = TrainingDataset(
            clips, self._training_source, self._num_frames, self._worker_size, self._augmentation, self._seed
        )
        sampler = TrainingSampler(dataset, self._world_size, self._rank, self._seed, self._sampler)
        sampler.resume(self._trained["epoch"], self._trained["batches"] * self._process_batch_size)
        return self._loader(dataset, sampler, drop_last=len(sampler) > self._process_batch_size, persistent=True)

    def val_dataloader(self) -> ClipLoader:
        """Loads every validation clip, in order."""
        return self._evaluation_loader("val", persistent=True)

    def test_dataloader(self) -> ClipLoader:
        """Loads every test clip, in order."""
        return self._evaluation_loader("test", persistent=False)

    def transfer_batch_to_device(self, batch: Sample, device: torch.device, dataloader_idx: int) -> Sample:
        """Moves a batch but for its draws, which stay on the CPU: fetching them back would wait for the step before.

        Encoded clips stay there too, because decoders take them from the CPU's memory.
        """
        staying = {name: value for name, value in batch.items() if name in ("draw", "encoded")}
        moving = {name: value for name, value in batch.items() if name not in staying}
        moved: Sample = super().transfer_batch_to_device(moving, device, dataloader_idx) | staying
        return moved

    def on_after_batch_transfer(self, batch: Sample, dataloader_idx: int) -> Sample:  # noqa: ARG002
        """Decodes and augments where no worker has, and normalises, on the device.

        uint8 clips move to it four times faster than float32 ones, and encoded clips faster still.
        """
        if "encoded" in batch:
            encoded = cast(list[EncodedClip], batch["encoded"])
            clips_BFHWC = decode_batch(encoded, self._frame_size, batch["label"].device)
        else:
            clips_BFHWC = batch["clip"]
        if "draw" in batch:
            draws = [Draw(*fields) for fields in batch["draw"].tolist()]
            clips_BFHWC = augment_batch(clips_BFHWC, draws, self._size)
        return {"clip": normalize(clips_BFHWC), "label": batch["label"], "index": batch["index"]}

    @property
    def _world_size(self) -> int:
        return 1 if self.trainer is None else self.trainer.world_size

    @property
    def _rank(self) -> int:
        return 0 if self.trainer is None else self.trainer.global_rank

    @property
    def _on_cuda(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"

    @property
    def _worker_size(self) -> int | None:
        """The size that workers bring frames to; None where the device does that."""
        return None if self._on_cuda or isinstance(self._training_source, EncodedFrames) else self._size

    @property
    def _training_source(self) -> FrameSource | EncodedFrames:
        """The source of the loaders' clips: the cache, or else the decoders of this run."""
        decoding = self._choose_decoding()
        if decoding is None:
            return self._source
        if decoding.device is None:
            return DecodedFrames(self._frame_size, decoding.readers)
        return EncodedFrames(self._frame_size, decoding.videos, decoding.jpegs, decoding.readers)

    def _choose_decoding(self) -> Decoding | None:
        """Chooses the decoders, once, when the device that trains is known; None if the cache holds every clip."""
        self._load()
        if isinstance(self._source, CachedFrames):
            return None
        if self._decoding is None:
            device = torch.device("cpu") if self.trainer is None else self.trainer.strategy.root_device
            paths = [clip.path for clip in (*self._split.train, *self._split.test)]
            self._decoding = choose_decoding(self._decode_backend, self._decode_device, paths, device)
            log.info(self._decoding.reason)
        return self._decoding

    @property
    def _process_batch_size(self) -> int:
        share, rest = divmod(self._batch_size, self._world_size)
        if share < 1 or rest:
            raise UserError(
                f"training.batch_size is {self._batch_size}, the clips of one step over all {self._world_size} "
                f"processes; set it to a multiple of {self._world_size}"
            )
        return share

    @property
    def _workers(self) -> int:
        return loader_processes(self._num_workers, 1 if self.trainer is None else self.trainer.num_devices)

    def _load(self) -> Division:
        """Loads and divides the split, once."""
        if self._division is not None:
            return self._division
        split = self._load_split if isinstance(self._load_split, Split) else self._load_split()
        skipped: list[SkippedClip] = []
        if self._on_error == "skip":
            is_first = getattr(rank_zero_only, "rank", 0) == 0
            skipped = find_undecodable((*split.train, *split.test), self._workers, show_progress=is_first)
        return self._divide(split, skipped)

    def _divide(self, split: Split, skipped: Sequence[SkippedClip]) -> Division:
        self._split = split
        self._division = division = divide(split, skipped, self._validation_fraction, self._seed)
        clips = (*division.parts["train"], *division.parts["val"], *division.parts["test"])
        self._source = choose_source(self._cache, clips, self._frame_size)
        return division

    def _evaluation_loader(self, part: Part, persistent: bool) -> ClipLoader:
        dataset = EvaluationDataset(self.clips(part), self._training_source, self._num_frames, self._worker_size)
        # Where the clips do not divide evenly over the processes this repeats some; the metric counts an index once.
        sampler = DistributedSampler[int](dataset, self._world_size, self._rank, shuffle=False)
        return self._loader(dataset, sampler, drop_last=False, persistent=persistent)

    def _loader(
        self, dataset: ClipDataset, sampler: DistributedSampler[int], drop_last: bool, persistent: bool
    ) -> ClipLoader:
        size = self._worker_size or self._frame_size
        return ClipLoader(
            dataset,
            sampler,
            self._process_batch_size,
            None if isinstance(self._training_source, EncodedFrames) else (self._num_frames, size, size, 3),
            num_workers=self._workers,
            persistent_workers=persistent,
            pin_memory=self._on_cuda,
            drop_last=drop_last,
        )
