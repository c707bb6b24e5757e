"""Augments training clips: draws random changes once for all frames of a clip, and applies them.

The draw is made where the clip is read, by the clip's own generator, and applied where the pixels are: by OpenCV in the
worker (`augment_clip`) when the network trains on the CPU, by PyTorch (`augment_batch`) when it trains on a GPU. Both
give the same pixels, give or take rounding.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from cv2.typing import MatLike
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import functional

from micacl.errors import UserError

# The brightness of red, green and blue to the eye (ITU-R BT.601), as in Pillow's grey images.
LUMA = (0.299, 0.587, 0.114)
_IDENTITY = np.eye(3)
_TO_GRAY = np.tile(LUMA, (3, 1))

# The range of a crop's shape, width to height, and the number of draws until one fits into the frame.
LOG_RATIO = (math.log(3 / 4), math.log(4 / 3))
MAX_TRIES = 10


@dataclass(frozen=True)
class Draw:
    """Says how one clip is changed.

    Attributes:
        top: The distance of the crop from the top of the frame, as a share of the frame's height.
        left: The distance of the crop from the left of the frame, as a share of the frame's width.
        height: The height of the crop, as a share of the frame's.
        width: The width of the crop, as a share of the frame's.
        mirrored: Whether left and right are swapped.
        brightness: The factor of the pixels.
        contrast: The factor of their distance from the clip's mean grey.
        saturation: The factor of their distance from their own grey.
    """

    top: float = 0.0
    left: float = 0.0
    height: float = 1.0
    width: float = 1.0
    mirrored: bool = False
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0

    def box(self, size: int) -> tuple[int, int, int, int]:
        """Gives top, left, height and width of the crop in whole pixels of a square frame."""
        height, width = max(1, round(self.height * size)), max(1, round(self.width * size))
        return min(round(self.top * size), size - height), min(round(self.left * size), size - width), height, width

    def rows(self, size: int) -> slice:
        """Gives the rows of a square frame that the crop keeps; a source need not read the others."""
        top, _, height, _ = self.box(size)
        return slice(top, top + height)

    def color_matrix(self) -> tuple[NDArray[np.float64], float]:
        """Combines the three changes of colour, because all are linear: first brightness, then contrast, saturation.

        Returns:
            A 3x3 matrix that an RGB pixel is multiplied by, and the factor of the clip's mean grey that is then added.
            Colours are cut off at 0 and 255 once, at the end, and not after each of the three changes.
        """
        gain = self.brightness * self.contrast
        matrix = gain * (self.saturation * _IDENTITY + (1 - self.saturation) * _TO_GRAY)
        return matrix, (1 - self.contrast) * self.brightness


# The draw of evaluation: the whole frame, unchanged.
UNCHANGED = Draw()


class TrainingAugmentation:
    """Draws a random resized crop, a horizontal flip and colour jitter for each training clip.

    Args:
        crop_scale: The smallest and the largest share of the frame's area that a crop keeps.
        color_jitter: The strength of the colour changes: brightness, contrast and saturation are each multiplied by
            1 - color_jitter to 1 + color_jitter.

    Raises:
        UserError: If a value is out of range.
    """

    def __init__(self, crop_scale: Sequence[float], color_jitter: float) -> None:
        if len(crop_scale) != 2 or not 0 < crop_scale[0] <= crop_scale[1] <= 1:
            raise UserError(
                f"crop_scale is {list(crop_scale)}; set it to the smallest and the largest share of a frame that a "
                "crop keeps, above 0 and at most 1"
            )
        if color_jitter < 0:
            raise UserError(f"color_jitter is {color_jitter}; set it to 0 or more")
        self._crop_scale = tuple(crop_scale)
        self._color_jitter = color_jitter

    def draw(self, generator: np.random.Generator) -> Draw:
        """Draws the changes of one clip.

        Args:
            generator: The clip's own random generator.
        """
        mirrored = bool(generator.random() < 0.5)
        colors = generator.uniform(max(0.0, 1 - self._color_jitter), 1 + self._color_jitter, 3).tolist()
        return Draw(*self._draw_crop(generator), mirrored, *colors)

    def _draw_crop(self, generator: np.random.Generator) -> tuple[float, float, float, float]:
        for _ in range(MAX_TRIES):
            area = generator.uniform(self._crop_scale[0], self._crop_scale[1])
            ratio = math.exp(generator.uniform(*LOG_RATIO))
            height, width = math.sqrt(area / ratio), math.sqrt(area * ratio)
            if height <= 1 and width <= 1:
                top, left = (generator.random(2) * (1 - height, 1 - width)).tolist()
                return top, left, height, width
        side = math.sqrt(self._crop_scale[1])
        return (1 - side) / 2, (1 - side) / 2, side, side


def augment_clip(
    rows_FHWC: NDArray[np.uint8], draw: Draw, size: int, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Crops, resizes, mirrors and recolours a clip.

    Args:
        rows_FHWC: The rows `draw.rows` of square RGB frames.
        draw: The changes, the same for all frames.
        size: The height and width of the result in pixels.
        out: Contiguous memory for the result; None makes new memory.

    Returns:
        Frames of shape (F, size, size, 3).
    """
    if out is None:
        out = np.empty((len(rows_FHWC), size, size, 3), np.uint8)
    target = out.reshape(-1, size, 3)
    _, left, _, width = draw.box(rows_FHWC.shape[2])
    picture: MatLike = _resize(rows_FHWC[:, :, left : left + width], size)
    if draw.mirrored:
        picture = cv2.flip(picture, 1)
    if draw.brightness == draw.contrast == draw.saturation == 1:
        np.copyto(target, picture)
        return out
    matrix, mean_gray_factor = draw.color_matrix()
    mean = np.divide(cv2.sumElems(picture)[:3], len(target) * size)  # cv2.mean takes twice as long
    constant = mean_gray_factor * np.dot(LUMA, mean)
    cv2.transform(picture, np.column_stack([matrix, np.full(3, constant)]), dst=target)
    return out


def _resize(frames_FHWC: NDArray[np.uint8], size: int) -> MatLike:
    """Resizes all frames as one tall picture (F * size, size, 3): one call takes less time than one for each."""
    num_frames, height, width = frames_FHWC.shape[:3]
    resized = _bilinear(frames_FHWC.reshape(-1, width, 3), num_frames * size, size)
    if height < size:
        # So many rows of a frame lie beyond the middle of its outermost pixels. They have mixed with the next frame.
        beyond = math.ceil(size / height / 2 - 0.5)
        outermost = _bilinear(frames_FHWC[:, [0, -1]].reshape(-1, width, 3), 2 * num_frames, size)
        outermost_F2WC, resized_FHWC = outermost.reshape(-1, 2, size, 3), resized.reshape(-1, size, size, 3)
        resized_FHWC[:, :beyond] = outermost_F2WC[:, :1]
        resized_FHWC[:, size - beyond :] = outermost_F2WC[:, 1:]
    return resized


def _bilinear(picture_HWC: NDArray[np.uint8], height: int, width: int) -> MatLike:
    """Resizes by Intel's routine where OpenCV has it (x86): faster than its own, and a level off at most."""
    cv2.ipp.setUseIPP_NotExact(True)
    resized = cv2.resize(picture_HWC, (width, height), interpolation=cv2.INTER_LINEAR)
    cv2.ipp.setUseIPP_NotExact(False)  # other code resizes too, and must not depend on what ran before
    return resized


# The channel means and standard deviations, for pixels from 0 to 1, of Kinetics-400, on which torchvision's R3D-18 was
# trained.
MEAN = (0.43216, 0.394666, 0.37645)
STD = (0.22803, 0.22145, 0.216989)


def augment_batch(clips_BFHWC: Tensor, draws: Sequence[Draw], size: int) -> Tensor:
    """Augments as `augment_clip` does, for a batch and on any device.

    Args:
        clips_BFHWC: Square RGB frames, uint8.
        draws: The changes of each clip.
        size: The height and width of the result in pixels.

    Returns:
        uint8 frames of shape (B, F, size, size, 3).
    """
    clips = [_augment(clip, draw, size) for clip, draw in zip(clips_BFHWC, draws, strict=True)]
    return torch.stack(clips)


def normalize(clips_BFHWC: Tensor) -> Tensor:
    """Converts pixels from 0 to 255 to what the Kinetics weights expect.

    Args:
        clips_BFHWC: The clips, uint8.

    Returns:
        float32 clips of shape (B, C, F, H, W), each channel with about mean 0 and standard deviation 1. They stay
        channels last in memory, which 3-D convolutions work best with: nothing is moved.
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
    matrix, mean_gray_factor = draw.color_matrix()
    weights = torch.tensor(matrix, dtype=torch.float32, device=clip_FHWC.device)
    luma = torch.tensor(LUMA, device=clip_FHWC.device)
    pixels = clip_FHWC.float()
    constant = mean_gray_factor * pixels.mean(dim=(0, 1, 2)).dot(luma)
    return (pixels @ weights.T + constant).round_().clamp_(0, 255).byte()
