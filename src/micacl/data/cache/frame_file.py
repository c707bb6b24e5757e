"""Reads and writes the file of one clip's frames: NumPy's format, uint8 of shape (F, S, S, 3).

NumPy's own reader is not used: it parses the header as Python, which takes longer than reading 16 frames. All our
headers are alike but for the number of frames, which the file's length tells, so the bytes are compared instead.
"""

import io
import os
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib.format import write_array_header_1_0
from numpy.typing import NDArray

from micacl.data.sampling import Choose

# NumPy pads headers so that the data begins at a multiple of 64 bytes, with room for any number of frames.
HEADER_BYTES = 128


def write_header(file: BinaryIO, num_frames: int, size: int) -> None:
    """Writes the header of a file of `num_frames` frames; it can be written again in place with another number."""
    shape = (num_frames, size, size, 3)
    write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def read_frames(path: Path | str, size: int, choose: Choose, rows: slice = slice(None)) -> NDArray[np.uint8]:
    """Reads some frames, and nothing else of the file.

    Args:
        path: The file.
        size: S, the height and width of its frames in pixels.
        choose: Chooses the frames to read.
        rows: The R rows to read of each frame, without a step.

    Returns:
        The frames, F,R,S,3.

    Raises:
        OSError: If the file cannot be opened or read, or is a symbolic link.
        ValueError: If it is cut off, or does not hold frames of this size.
    """
    row_bytes = size * 3
    frame_bytes = size * row_bytes
    first, stop, _ = rows.indices(size)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        num_frames, rest = divmod(os.fstat(descriptor).st_size - HEADER_BYTES, frame_bytes)
        if num_frames < 1 or rest or os.pread(descriptor, HEADER_BYTES, 0) != _header(num_frames, size):
            raise ValueError(f"it does not hold whole frames of {size}x{size} pixels")
        indices = choose(num_frames)
        frames_FRSC = np.empty((len(indices), stop - first, size, 3), np.uint8)
        for frame, index in zip(frames_FRSC, indices.tolist(), strict=True):
            offset = HEADER_BYTES + index * frame_bytes + first * row_bytes
            if os.preadv(descriptor, [frame.data], offset) != frame.nbytes:
                raise ValueError("it was cut off while it was read")
    finally:
        os.close(descriptor)
    return frames_FRSC


@lru_cache(maxsize=1024)
def _header(num_frames: int, size: int) -> bytes:
    buffer = io.BytesIO()
    write_header(buffer, num_frames, size)
    return buffer.getvalue()
