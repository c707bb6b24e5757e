"""Defines what gives the frames of clips, and the source that decodes them each time; the cache is another."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from micacl.data.frames.decoding import PYAV_AND_PILLOW, Readers, decode_frames
from micacl.data.frames.squares import to_squares
from micacl.data.sampling import Choose
from micacl.data.split import Clip

# Chooses rows: takes S, the height of the frames, and returns the rows to read, without a step.
Rows = Callable[[int], slice]


def all_rows(size: int) -> slice:
    """Chooses every row of frames of S = `size` rows."""
    return slice(0, size)


class FrameSource(Protocol):
    """Gives the frames of clips as squares of one size."""

    def read(self, clip: Clip, choose: Choose, rows: Rows = all_rows) -> NDArray[np.uint8]:
        """Reads some frames of a clip.

        Args:
            clip: The clip.
            choose: Chooses the frames to read.
            rows: Chooses the R rows to read of each.

        Returns:
            The chosen frames as F,R,S,3 in RGB, 0 to 255.

        Raises:
            DecodeError: If the clip cannot be read; the message names it and says why.
        """
        ...


class DecodedFrames:
    """Decodes a clip each time it is read.

    Args:
        size: S, the height and width of the squares in pixels.
        readers: The functions that decode.
    """

    def __init__(self, size: int, readers: Readers = PYAV_AND_PILLOW) -> None:
        self._size = size
        self._readers = readers

    def read(self, clip: Clip, choose: Choose, rows: Rows = all_rows) -> NDArray[np.uint8]:
        """Reads some frames of a clip; see :meth:`FrameSource.read`."""
        return to_squares(decode_frames(clip.path, choose, self._readers), self._size)[:, rows(self._size)]
