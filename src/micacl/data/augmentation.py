"""What happens to a clip's pixels between decoding and the network, alike on all frames of a clip."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.transforms import v2

from micacl.errors import UserError

# Channel means and deviations of Kinetics-400, on which torchvision's R3D-18 was trained, for pixels from 0 to 1.
MEAN = (0.43216, 0.394666, 0.37645)
STD = (0.22803, 0.22145, 0.216989)


class TrainingAugmentation:
    """Random resized crop, horizontal flip and colour jitter, drawn once for a clip.

    Args:
        size: height and width of the result in pixels.
        crop_scale: smallest and largest share of the frame's area that a crop keeps.
        color_jitter: brightness, contrast and saturation are each multiplied by 1 - color_jitter to 1 + color_jitter.

    Raises:
        UserError: a value is out of range.
    """

    def __init__(self, size: int, crop_scale: Sequence[float], color_jitter: float) -> None:
        if len(crop_scale) != 2 or not 0 < crop_scale[0] <= crop_scale[1] <= 1:
            raise UserError(
                f"crop_scale is {list(crop_scale)}; set it to the smallest and the largest share of a frame that a "
                "crop keeps, above 0 and at most 1"
            )
        if color_jitter < 0:
            raise UserError(f"color_jitter is {color_jitter}; set it to 0 or more")
        self._crop = v2.RandomResizedCrop(size, scale=tuple(crop_scale), ratio=(3 / 4, 4 / 3))
        self._flip = v2.RandomHorizontalFlip(0.5)
        self._jitter = v2.ColorJitter(brightness=color_jitter, contrast=color_jitter, saturation=color_jitter)

    def __call__(self, clip_FCHW: Tensor, seed: int) -> Tensor:
        """Augment one clip.

        Args:
            clip_FCHW: uint8 frames.
            seed: decides every draw, so a clip is augmented alike whichever process does it.

        Returns:
            uint8 frames of size x size pixels.
        """
        with torch.random.fork_rng(devices=[]):
            # torch.manual_seed would also reset the CUDA generators, which fork_rng was told to leave alone, and
            # with them the model's dropout when clips are loaded in the training process.
            torch.default_generator.manual_seed(seed)
            # Resizing is fastest on pixels as they are decoded (F,H,W,C in memory), jitter on whole channels.
            cropped = self._flip(self._crop(clip_FCHW)).contiguous()
            augmented: Tensor = self._jitter(cropped)
        return augmented


class CentreResize:
    """The short side resized to `size`, then the middle square: nothing random, for evaluation.

    Args:
        size: height and width of the result in pixels.
    """

    def __init__(self, size: int) -> None:
        self._transform = v2.Compose([v2.Resize(size), v2.CenterCrop(size)])

    def __call__(self, clip_FCHW: Tensor) -> Tensor:
        """Resize one clip of uint8 frames to size x size pixels."""
        resized: Tensor = self._transform(clip_FCHW)
        return resized


def normalise(clip_BCFHW: Tensor) -> Tensor:
    """Pixels from 0 to 255 to what the Kinetics weights expect.

    Args:
        clip_BCFHW: uint8 clips, three channels.

    Returns:
        float32 clips of the same shape, each channel with about mean 0 and deviation 1.
    """
    mean = torch.tensor(MEAN, device=clip_BCFHW.device).view(3, 1, 1, 1)
    std = torch.tensor(STD, device=clip_BCFHW.device).view(3, 1, 1, 1)
    return clip_BCFHW.float().div_(255).sub_(mean).div_(std)
