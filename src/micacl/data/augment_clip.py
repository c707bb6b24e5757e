"""Carries out a draw on the frames of one clip, in the worker that has read them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from micacl.data.augmentation import LUMA, Draw


def augment_clip(frames_FHWC: NDArray[np.uint8], draw: Draw, size: int) -> NDArray[np.uint8]:
    """Crop, resize, mirror and recolour a clip.

    Args:
        frames_FHWC: square RGB frames.
        draw: what happens to all of them alike.
        size: height and width of the result in pixels.

    Returns:
        Frames of shape (F, size, size, 3).
    """
    top, left, height, width = draw.box(frames_FHWC.shape[1])
    cropped = frames_FHWC[:, top : top + height, left : left + width]
    result = np.empty((len(frames_FHWC), size, size, 3), np.uint8)
    for frame, resized in zip(cropped, result, strict=True):
        cv2.resize(frame, (size, size), dst=resized, interpolation=cv2.INTER_LINEAR)
        if draw.mirrored:
            cv2.flip(resized, 1, dst=resized)
    if draw.brightness == draw.contrast == draw.saturation == 1:
        return result
    # One tall picture: OpenCV then works through the clip in one go.
    picture = result.reshape(-1, size, 3)
    matrix, mean_grey_factor = draw.colour_matrix()
    constant = mean_grey_factor * np.dot(LUMA, cv2.mean(picture)[:3])
    cv2.transform(picture, np.column_stack([matrix, np.full(3, constant)]), dst=picture)
    return result
