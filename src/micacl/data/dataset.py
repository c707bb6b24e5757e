"""Clips as tensors: read, sampled, augmented."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import astuple
from typing import NotRequired, TypedDict, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from micacl.data.augmentation import NOTHING, Draw, TrainingAugmentation, augment_clip
from micacl.data.frames.encoded import EncodedClip, EncodedFrames
from micacl.data.frames.source import FrameSource
from micacl.data.sampling import frame_indices
from micacl.data.split import Clip


class Sample(TypedDict):
    """One clip as the dataset gives it, or a batch of B as the data loader collates it.

    Attributes:
        clip: Frames, F,H,W,C (B,F,H,W,C in a batch), uint8; the data module makes them B,C,F,H,W, normalised float32,
            on the device.
        encoded: In the place of `clip` (a list of B in a batch), where the main process is to decode.
        label: Class of the clip, int64 (B in a batch).
        index: Position of the clip in its part of the split, int64 (B in a batch). Processes that share an evaluation
            may repeat a clip; its index tells.
        draw: The fields of the clip's :class:`~micacl.data.augmentation.Draw`, float64 (B,8 in a batch), where the
            device is to carry it out.
    """

    clip: NotRequired[Tensor]
    encoded: NotRequired[EncodedClip | list[EncodedClip]]
    label: Tensor
    index: Tensor
    draw: NotRequired[Tensor]


class ClipDataset(Dataset[Sample]):
    """Clips that can be written where the caller wants them."""

    @abstractmethod
    def load(self, position: int, out: NDArray[np.uint8] | None = None) -> Sample:
        """Read the clip at a position.

        Args:
            position: Which.
            out: Contiguous memory for the clip, F,H,W,C; new memory otherwise. Not for clips that come encoded.

        Raises:
            DecodeError: If it cannot be read.
        """

    def __getitem__(self, position: int) -> Sample:
        """Read the clip at a position; raises DecodeError when it cannot be read."""
        return self.load(position)


class EvaluationDataset(ClipDataset):
    """Clips with the same frames and pixels every time.

    Args:
        clips: The clips, in the order of `Sample.index`.
        source: Gives their frames.
        num_frames: F, frames taken of each clip.
        size: Height and width of a frame in pixels; None leaves the frames to the device as they are read.
    """

    def __init__(
        self, clips: Sequence[Clip], source: FrameSource | EncodedFrames, num_frames: int, size: int | None
    ) -> None:
        self.clips = clips
        self._source = source
        self._num_frames = num_frames
        self._size = size

    def __len__(self) -> int:
        return len(self.clips)

    def load(self, position: int, out: NDArray[np.uint8] | None = None) -> Sample:
        """Read clip `position`, see :meth:`ClipDataset.load`."""
        clip = self.clips[position]
        frames = self._source.read(clip, lambda n: frame_indices(n, self._num_frames, None))
        return _sample(frames, NOTHING, self._size, clip.label, position, out)


class TrainingDataset(ClipDataset):
    """Clips with random frames and augmentation, decided by the seed, the epoch and the position alone.

    A position is the index of a clip, or beyond them that of its repetition, see :meth:`position`. Which worker or
    process loads a clip, and how many there are, does not change it.

    Args:
        clips: The clips, in the order of `Sample.index`.
        source: Gives their frames.
        num_frames: F, frames taken of each clip.
        size: Height and width of a frame in pixels; None leaves the draw to the device.
        augmentation: Draws the random changes.
        seed: Seed of every draw.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        source: FrameSource | EncodedFrames,
        num_frames: int,
        size: int | None,
        augmentation: TrainingAugmentation,
        seed: int,
    ) -> None:
        self.clips = clips
        self._source = source
        self._num_frames = num_frames
        self._size = size
        self._augmentation = augmentation
        self._seed = seed
        # Persistent workers keep a copy of this object from the first epoch on; shared memory reaches it all the same.
        self._epoch: Tensor = torch.zeros((), dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Draw anew: the clips loaded from now on are those of this epoch."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.clips)

    def position(self, index: int, repeat: int) -> int:
        """What to ask for to get clip `index` for the time `repeat` (from 0) of an epoch, drawn anew each time."""
        return index + repeat * len(self.clips)

    def load(self, position: int, out: NDArray[np.uint8] | None = None) -> Sample:
        """Read and augment the clip at a position, see :meth:`ClipDataset.load`."""
        index = position % len(self.clips)
        clip = self.clips[index]
        generator = np.random.default_rng((self._seed, int(self._epoch), position))
        draw = self._augmentation.draw(generator)

        def choose(num_available: int) -> NDArray[np.int64]:
            return frame_indices(num_available, self._num_frames, generator)

        if isinstance(self._source, EncodedFrames) or self._size is None:
            return _sample(self._source.read(clip, choose), draw, self._size, clip.label, index, out)
        return _sample(self._source.read(clip, choose, draw.rows), draw, self._size, clip.label, index, out)


def collate(samples: Sequence[Sample]) -> Sample:
    """A batch of samples; clips that are still encoded differ in length and stay apart."""
    batch: Sample = default_collate(
        [{name: value for name, value in sample.items() if name != "encoded"} for sample in samples]
    )
    encoded = [sample["encoded"] for sample in samples if "encoded" in sample]
    if encoded:
        batch["encoded"] = cast(list[EncodedClip], encoded)
    return batch


def _sample(
    read_clip: NDArray[np.uint8] | EncodedClip,
    draw: Draw,
    size: int | None,
    label: int,
    index: int,
    out: NDArray[np.uint8] | None,
) -> Sample:
    sample: Sample = {"label": torch.full((), label), "index": torch.full((), index)}  # `tensor` takes twice as long
    if size is None:
        sample["draw"] = torch.tensor(astuple(draw), dtype=torch.float64)
    if not isinstance(read_clip, np.ndarray):
        sample["encoded"] = read_clip
        return sample
    if size is not None and not (draw == NOTHING and read_clip.shape[1] == size):
        read_clip = augment_clip(read_clip, draw, size, out)
    elif out is not None:
        np.copyto(out, read_clip)
        read_clip = out
    sample["clip"] = torch.from_numpy(read_clip)
    return sample
