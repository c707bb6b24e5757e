"""Reads frames from the cache, and decides whether a run can."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from micacl.data.cache.build import cached_names
from micacl.data.cache.frame_file import read_frames
from micacl.data.cache.layout import clip_place
from micacl.data.frames.source import DecodedFrames, FrameSource, Rows, all_rows
from micacl.data.sampling import Choose
from micacl.data.split import Clip
from micacl.errors import DecodeError

log = logging.getLogger(__name__)


class CachedFrames:
    """Reads the chosen frames of a clip's file, and nothing else of it.

    Args:
        folder: The cache's folder.
        size: S, the height and width of its frames in pixels.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size

    def read(self, clip: Clip, choose: Choose, rows: Rows = all_rows) -> NDArray[np.uint8]:
        """Reads some frames of a clip; see :meth:`micacl.data.frames.source.FrameSource.read`."""
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


def choose_source(cache: Path | None, clips: Sequence[Clip], size: int) -> FrameSource:
    """Chooses the cache if it holds every one of the clips, and decoding otherwise.

    Args:
        cache: The cache's folder, which need not exist, or None for no cache.
        clips: The clips that will be read.
        size: S, the height and width of the frames in pixels.
    """
    if cache is None or not cache.is_dir():
        return DecodedFrames(size)
    names = {clip.name for clip in clips}
    missing = names - cached_names(cache)
    if missing:
        log.warning(
            f"the cache {cache} lacks {len(missing)} of {len(names)} clips, so all are decoded in each epoch; "
            "python -m micacl.prepare completes it"
        )
        return DecodedFrames(size)
    log.info(f"reading frames from the cache {cache}")
    return CachedFrames(cache, size)
