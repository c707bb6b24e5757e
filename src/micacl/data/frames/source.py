"""Where the frames of a clip come from: decoded on the spot, or out of the cache."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from micacl.data.augmentation import NOTHING
from micacl.data.frames.decoding import PYAV_AND_PILLOW, Readers, decode_frames
from micacl.data.frames.squares import to_squares
from micacl.data.split import Clip

Choose = Callable[[int], NDArray[np.int64]]
Rows = Callable[[int], slice]
ALL_ROWS: Rows = NOTHING.rows


class FrameSource(Protocol):
    """Gives the frames of clips as squares of one size."""

    def read(self, clip: Clip, choose: Choose, rows: Rows = ALL_ROWS) -> NDArray[np.uint8]:
        """Read some frames of a clip.

        Args:
            clip: The clip.
            choose: Is told how many frames the clip has, and returns the indices of those to read, never decreasing.
            rows: Is told S, and returns the rows of each frame that are wanted, all R of them without a step.

        Returns:
            The chosen frames as F,R,S,3 in RGB, 0 to 255.

        Raises:
            DecodeError: If the clip cannot be read; the message names it and says why.
        """
        ...


class DecodedFrames:
    """Decodes a clip each time it is asked for.

    Args:
        size: S, height and width of the squares in pixels.
        readers: Who decodes.
    """

    def __init__(self, size: int, readers: Readers = PYAV_AND_PILLOW) -> None:
        self._size = size
        self._readers = readers

    def read(self, clip: Clip, choose: Choose, rows: Rows = ALL_ROWS) -> NDArray[np.uint8]:
        """See :meth:`FrameSource.read`."""
        return to_squares(decode_frames(clip.path, choose, self._readers), self._size)[:, rows(self._size)]
