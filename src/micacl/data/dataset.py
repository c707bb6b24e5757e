"""Turns clips into tensors: reads, samples and augments them."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import astuple
from typing import NotRequired, TypedDict, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from micacl.data.augmentation import UNCHANGED, Draw, TrainingAugmentation, augment_clip
from micacl.data.frames.encoded import EncodedClip, EncodedFrames
from micacl.data.frames.source import FrameSource
from micacl.data.sampling import frame_indices
from micacl.data.split import Clip


class Sample(TypedDict):
    """Holds one clip as the dataset gives it, or a batch of B clips as the data loader collates them.

    Attributes:
        clip: The frames F,H,W,C (B,F,H,W,C in a batch), uint8; the data module makes them B,C,F,H,W, normalised
            float32, on the device.
        encoded: The encoded clip (a list of B in a batch) in the place of `clip`, where the main process decodes.
        label: The class of the clip, int64 (B in a batch).
        index: The position of the clip in its part of the split, int64 (B in a batch). Processes that share an
            evaluation may repeat a clip, which the index shows.
        draw: The fields of the clip's :class:`~micacl.data.augmentation.Draw`, float64 (B,8 in a batch), where the
            device augments.
    """

    clip: NotRequired[Tensor]
    encoded: NotRequired[EncodedClip | list[EncodedClip]]
    label: Tensor
    index: Tensor
    draw: NotRequired[Tensor]


class ClipDataset(Dataset[Sample]):
    """Loads clips, into the caller's memory if asked to."""

    @abstractmethod
    def load(self, position: int, out: NDArray[np.uint8] | None = None) -> Sample:
        """Reads the clip at a position.

        Args:
            position: The position of the clip in the data set.
            out: Contiguous memory F,H,W,C for the clip; None makes new memory. Not for clips that come encoded.

        Raises:
            DecodeError: If the clip cannot be read.
        """

    def __getitem__(self, position: int) -> Sample:
        """Reads the clip at a position; raises a DecodeError if it cannot be read."""
        return self.load(position)


class EvaluationDataset(ClipDataset):
    """Gives clips with the same frames and pixels every time.

    Args:
        clips: The clips, in the order of `Sample.index`.
        source: The source of their frames.
        num_frames: F, the number of frames taken of each clip.
        size: The height and width of a frame in pixels; None leaves resizing to the device.
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
        """Reads clip `position`; see :meth:`ClipDataset.load`."""
        clip = self.clips[position]
        frames = self._source.read(clip, lambda n: frame_indices(n, self._num_frames, None))
        return _sample(frames, UNCHANGED, self._size, clip.label, position, out)


class TrainingDataset(ClipDataset):
    """Gives clips with random frames and augmentation, decided by the seed, the epoch and the position alone.

    A position is the index of a clip or, beyond the last index, that of a repetition, see :meth:`position`. It does not
    matter which worker or process loads a clip, or how many there are.

    Args:
        clips: The clips, in the order of `Sample.index`.
        source: The source of their frames.
        num_frames: F, the number of frames taken of each clip.
        size: The height and width of a frame in pixels; None leaves resizing and augmentation to the device.
        augmentation: The augmentation that draws the random changes.
        seed: The seed of every draw.
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
        # Persistent workers keep a copy of this object from the first epoch on, which only shared memory reaches.
        self._epoch: Tensor = torch.zeros((), dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Draws anew: the clips loaded from now on are those of this epoch."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.clips)

    def position(self, index: int, repeat: int) -> int:
        """Gives the position of the `repeat`-th draw (from 0) of clip `index` in an epoch; each draw differs."""
        return index + repeat * len(self.clips)

    def load(self, position: int, out: NDArray[np.uint8] | None = None) -> Sample:
        """Reads and augments the clip at a position; see :meth:`ClipDataset.load`."""
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
    """Makes a batch of samples; encoded clips differ in length, so they become a list."""
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
    if size is not None and not (draw == UNCHANGED and read_clip.shape[1] == size):
        read_clip = augment_clip(read_clip, draw, size, out)
    elif out is not None:
        np.copyto(out, read_clip)
        read_clip = out
    sample["clip"] = torch.from_numpy(read_clip)
    return sample
