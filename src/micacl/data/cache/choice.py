"""Whether frames come out of the cache."""

import logging
from collections.abc import Sequence
from pathlib import Path

from micacl.data.cache.build import cached_names
from micacl.data.cache.frames import CachedFrames
from micacl.data.frame_source import DecodedFrames, FrameSource
from micacl.data.split import Clip

log = logging.getLogger(__name__)


def choose_source(cache: Path | None, clips: Sequence[Clip], size: int) -> FrameSource:
    """Read the clips from the cache if it holds every one of them, and decode all of them otherwise.

    Args:
        cache: the cache's folder, which need not exist, or None for no cache.
        clips: the clips that will be asked for.
        size: S, height and width of the frames in pixels.
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
