"""Carries out a draw on the frames of one clip, in the worker that has read them."""

import math

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from micacl.data.augmentation import LUMA, Draw


def augment_clip(
    rows_FHWC: NDArray[np.uint8], draw: Draw, size: int, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Crop, resize, mirror and recolour a clip.

    Args:
        rows_FHWC: square RGB frames, of which only the rows `draw.rows` are given.
        draw: what happens to all of them alike.
        size: height and width of the result in pixels.
        out: contiguous memory for the result; new memory otherwise.

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
    matrix, mean_grey_factor = draw.colour_matrix()
    mean = np.divide(cv2.sumElems(picture)[:3], len(target) * size)  # cv2.mean takes twice as long
    constant = mean_grey_factor * np.dot(LUMA, mean)
    cv2.transform(picture, np.column_stack([matrix, np.full(3, constant)]), dst=target)
    return out


def _resize(frames_FHWC: NDArray[np.uint8], size: int) -> MatLike:
    """All frames as one tall picture (F * size, size, 3): one call takes less time than one for each."""
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
    """Resize by Intel's routine where OpenCV has it (x86): faster than its own, and a level off at most."""
    cv2.ipp.setUseIPP_NotExact(True)
    resized = cv2.resize(picture_HWC, (width, height), interpolation=cv2.INTER_LINEAR)
    cv2.ipp.setUseIPP_NotExact(False)  # others resize too, and shall not depend on who went before
    return resized
