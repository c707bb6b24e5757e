"""Makes small pictures of clips, for people who look at what a network predicted."""

import cv2
import numpy as np
from numpy.typing import NDArray

from micacl.data.frames.source import FrameSource
from micacl.data.frames.squares import to_squares
from micacl.data.split import Clip

SIDE = 64
JPEG_QUALITY = 80


def middle_frame(clip: Clip, source: FrameSource) -> bytes:
    """Gives the frame in the middle of a clip as a JPEG of 64x64 pixels.

    Raises:
        DecodeError: If the clip cannot be read.
    """
    frames_FHWC = source.read(clip, lambda num_frames: np.array([num_frames // 2]))
    return jpeg(to_squares(frames_FHWC, SIDE)[0])


def jpeg(picture_HWC: NDArray[np.uint8]) -> bytes:
    """Encodes an RGB picture H,W,3 as a JPEG."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return bytes(cv2.imencode(".jpg", picture_HWC[..., ::-1], quality)[1].tobytes())  # OpenCV has blue first
