"""Reads frames out of the cache."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from micacl.data.cache.frame_file import read_frames
from micacl.data.cache.layout import clip_place
from micacl.data.frame_source import ALL_ROWS, Choose, Rows
from micacl.data.split import Clip
from micacl.errors import DecodeError


class CachedFrames:
    """Copies the frames that are asked for out of a clip's file; nothing else is read or kept.

    Args:
        folder: the cache.
        size: S, height and width of its frames in pixels.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size

    def read(self, clip: Clip, choose: Choose, rows: Rows = ALL_ROWS) -> NDArray[np.uint8]:
        """See :meth:`micacl.data.frame_source.FrameSource.read`."""
        path = f"{self._folder}/{clip_place(clip.name)}"  # joining Paths takes seven times as long
        try:
            return read_frames(path, self._size, choose, rows(self._size))
        except FileNotFoundError:
            reason = f"clip {clip.name} is not in the cache {self._folder}; run micacl.prepare again"
            raise DecodeError(reason) from None
        except (OSError, ValueError) as error:
            raise DecodeError(
                f"the cache's file of clip {clip.name} is damaged ({error}); delete {path} and run micacl.prepare again"
            ) from error
