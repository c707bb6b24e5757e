"""What is random about a training clip, drawn once for all of its frames.

The draw is made where the clip is read, by the clip's own generator; what follows from it is computed wherever the
pixels are: by OpenCV in the worker (`augment_clip`) when the network trains on the CPU, by PyTorch on the GPU
(`augment_batch`) when it trains there. Both give the same pixels, give or take rounding.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from micacl.errors import UserError

# Brightness of red, green and blue to the eye (ITU-R BT.601), as in Pillow's grey images.
LUMA = (0.299, 0.587, 0.114)
_IDENTITY = np.eye(3)
_TO_GREY = np.tile(LUMA, (3, 1))

# Shapes of a crop, width to height, and how often one is drawn until it fits into the frame.
LOG_RATIO = (math.log(3 / 4), math.log(4 / 3))
MAX_TRIES = 10


@dataclass(frozen=True)
class Draw:
    """What happens to one clip.

    Attributes:
        top: of the crop, as a share of the frame, like the next three.
        left: of the crop.
        height: of the crop.
        width: of the crop.
        mirrored: left becomes right.
        brightness: factor of the pixels.
        contrast: factor of their distance from the clip's mean grey.
        saturation: factor of their distance from their own grey.
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
        """Top, left, height and width of the crop in whole pixels of a square frame."""
        height, width = max(1, round(self.height * size)), max(1, round(self.width * size))
        return min(round(self.top * size), size - height), min(round(self.left * size), size - width), height, width

    def rows(self, size: int) -> slice:
        """The rows of a square frame that the crop keeps, of which a source need not read the others."""
        top, _, height, _ = self.box(size)
        return slice(top, top + height)

    def colour_matrix(self) -> tuple[NDArray[np.float64], float]:
        """The three changes of colour as one, because all are linear: first brightness, then contrast, saturation.

        Returns:
            A 3x3 matrix that an RGB pixel is multiplied by, and the factor of the clip's mean grey that is then added.
            Unlike after one another, colours are cut off at 0 and 255 once, at the end.
        """
        gain = self.brightness * self.contrast
        matrix = gain * (self.saturation * _IDENTITY + (1 - self.saturation) * _TO_GREY)
        return matrix, (1 - self.contrast) * self.brightness


# What evaluation does: the whole frame, unchanged.
NOTHING = Draw()


class TrainingAugmentation:
    """Random resized crop, horizontal flip and colour jitter.

    Args:
        crop_scale: smallest and largest share of the frame's area that a crop keeps.
        color_jitter: brightness, contrast and saturation are each multiplied by 1 - color_jitter to 1 + color_jitter.

    Raises:
        UserError: a value is out of range.
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
        """What happens to one clip."""
        mirrored = bool(generator.random() < 0.5)
        colours = generator.uniform(max(0.0, 1 - self._color_jitter), 1 + self._color_jitter, 3).tolist()
        return Draw(*self._draw_crop(generator), mirrored, *colours)

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
