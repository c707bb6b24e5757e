"""Carries out the draws of a batch on the device that trains, and turns pixels into what the network expects.

Shapes: B clips in a batch, F frames in a clip, C = 3 channels, H by W pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from micacl.data.augmentation import LUMA, Draw

# Channel means and deviations of Kinetics-400, on which torchvision's R3D-18 was trained, for pixels from 0 to 1.
MEAN = (0.43216, 0.394666, 0.37645)
STD = (0.22803, 0.22145, 0.216989)


def augment_batch(clips_BFHWC: Tensor, draws: Sequence[Draw], size: int) -> Tensor:
    """What `augment_clip` does, for a batch and on any device.

    Args:
        clips_BFHWC: uint8, square RGB frames.
        draws: what happens to each clip.
        size: height and width of the result in pixels.

    Returns:
        uint8 frames of shape (B, F, size, size, 3).
    """
    clips = [_augment(clip, draw, size) for clip, draw in zip(clips_BFHWC, draws, strict=True)]
    return torch.stack(clips)


def normalise(clips_BFHWC: Tensor) -> Tensor:
    """Pixels from 0 to 255 to what the Kinetics weights expect.

    Args:
        clips_BFHWC: uint8 clips.

    Returns:
        float32 clips of shape (B, C, F, H, W), each channel with about mean 0 and deviation 1. They lie in memory as
        3-D convolutions like it best, channels last: nothing is moved.
    """
    mean = torch.tensor(MEAN, device=clips_BFHWC.device)
    std = torch.tensor(STD, device=clips_BFHWC.device)
    return clips_BFHWC.float().div_(255).sub_(mean).div_(std).permute(0, 4, 1, 2, 3)


def _augment(clip_FHWC: Tensor, draw: Draw, size: int) -> Tensor:
    box = draw.box(clip_FHWC.shape[1])
    # Without antialiasing, as OpenCV does it in the worker: crops are shrunk by less than two.
    cropped_FCHW = functional.resized_crop(clip_FHWC.permute(0, 3, 1, 2), *box, [size, size], antialias=False)
    if draw.mirrored:
        cropped_FCHW = cropped_FCHW.flip(-1)
    clip_FHWC = cropped_FCHW.permute(0, 2, 3, 1)
    if draw.brightness == draw.contrast == draw.saturation == 1:
        return clip_FHWC
    matrix, mean_grey_factor = draw.colour_matrix()
    weights = torch.tensor(matrix, dtype=torch.float32, device=clip_FHWC.device)
    luma = torch.tensor(LUMA, device=clip_FHWC.device)
    pixels = clip_FHWC.float()
    constant = mean_grey_factor * pixels.mean(dim=(0, 1, 2)).dot(luma)
    return (pixels @ weights.T + constant).round_().clamp_(0, 255).byte()
