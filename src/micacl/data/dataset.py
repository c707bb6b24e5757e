"""Clips as tensors: decoded, sampled, augmented."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from micacl.data.augmentation import CentreResize, TrainingAugmentation
from micacl.data.decoding import decode_frames
from micacl.data.sampling import frame_indices
from micacl.data.split import Clip


class Sample(TypedDict):
    """One clip as the dataset gives it, or a batch of B as the data loader collates it.

    Attributes:
        clip: frames, C,F,H,W (B,C,F,H,W in a batch); uint8 from the loader, normalised float32 on the device.
        label: class of the clip, int64 (B in a batch).
        index: position of the clip in its part of the split, int64 (B in a batch). Processes that share an evaluation
            may repeat a clip; its index tells.
    """

    clip: Tensor
    label: Tensor
    index: Tensor


class EvaluationDataset(Dataset[Sample]):
    """Clips with the same frames and pixels every time.

    Args:
        clips: the clips, in the order of `Sample.index`.
        num_frames: F, frames taken of each clip.
        size: height and width of a frame in pixels.
    """

    def __init__(self, clips: Sequence[Clip], num_frames: int, size: int) -> None:
        self.clips = clips
        self._num_frames = num_frames
        self._resize = CentreResize(size)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Sample:
        """Decode clip `index`; raises DecodeError when it cannot be decoded."""
        frames = decode_frames(self.clips[index].path, lambda n: frame_indices(n, self._num_frames, None))
        return _sample(self._resize(_channels_first(frames)), self.clips[index].label, index)


class TrainingDataset(Dataset[Sample]):
    """Clips with random frames and augmentation, decided by the seed, the epoch and the index alone.

    Which worker or process loads a clip, and how many there are, does not change it.

    Args:
        clips: the clips, in the order of `Sample.index`.
        num_frames: F, frames taken of each clip.
        augment: the random changes.
        seed: seed of every draw.
    """

    def __init__(self, clips: Sequence[Clip], num_frames: int, augment: TrainingAugmentation, seed: int) -> None:
        self.clips = clips
        self._num_frames = num_frames
        self._augment = augment
        self._seed = seed
        # Persistent workers keep a copy of this object from the first epoch on; shared memory reaches it all the same.
        self._epoch: Tensor = torch.zeros((), dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Draw anew: the clips loaded from now on are those of this epoch."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Sample:
        """Decode and augment clip `index`; raises DecodeError when it cannot be decoded."""
        generator = np.random.default_rng((self._seed, int(self._epoch), index))
        frames = decode_frames(self.clips[index].path, lambda n: frame_indices(n, self._num_frames, generator))
        clip_FCHW = self._augment(_channels_first(frames), seed=int(generator.integers(2**63)))
        return _sample(clip_FCHW, self.clips[index].label, index)


def _channels_first(frames_FHWC: NDArray[np.uint8]) -> Tensor:
    """The frames as a tensor F,C,H,W that shares their memory."""
    return torch.from_numpy(frames_FHWC).permute(0, 3, 1, 2)


def _sample(clip_FCHW: Tensor, label: int, index: int) -> Sample:
    return {
        "clip": clip_FCHW.transpose(0, 1).contiguous(),
        "label": torch.tensor(label),
        "index": torch.tensor(index),
    }
