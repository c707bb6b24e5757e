"""Reads frames of one clip, from a video file or from a folder of frames, on the CPU."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from micacl.data.frames.frame_folder import JpegDecoder, every_folder_frame, frame_files, read_frame_folder
from micacl.data.frames.video_file import SeekingReader, every_video_frame, index_video, read_video
from micacl.errors import DecodeError


@dataclass(frozen=True)
class Readers:
    """Who decodes.

    Attributes:
        video: Reads the chosen frames of regular video files (see `video_file`); None is PyAV.
        jpeg: Decodes the JPEGs of frame folders; None is Pillow.
    """

    video: SeekingReader | None = None
    jpeg: JpegDecoder | None = None


# Needs nothing else and reads every file: the check and the cache are made with it.
PYAV_AND_PILLOW = Readers()


def decode_frames(
    path: Path, choose: Callable[[int], NDArray[np.int64]], readers: Readers = PYAV_AND_PILLOW
) -> NDArray[np.uint8]:
    """Read some frames of a clip.

    Args:
        path: A video file, or a folder of frames (.jpg, .jpeg, .png) in the order of the numbers in their names.
        choose: Is told how many frames the clip has, and returns the indices of those to read, never decreasing.
        readers: Who decodes.

    Returns:
        The chosen frames as F,H,W,3 in RGB, 0 to 255.

    Raises:
        DecodeError: If the clip is missing, empty, damaged or unreadable; the message names it and says why.
    """
    with naming(path):
        if is_folder(path):
            frames = read_frame_folder(path, choose, readers.jpeg)
        else:
            frames = read_video(path, choose, readers.video)
        refuse_mixed_sizes(frame.shape[:2] for frame in frames)
        return np.stack(frames)


def every_frame(path: Path, at_once: int) -> Iterator[NDArray[np.uint8]]:
    """A clip's frames from the first to the last, a few at a time so that a long video does not fill the memory.

    Args:
        path: A video file, or a folder of frames.
        at_once: Most frames to give at once.

    Yields:
        The next frames as F,H,W,3 in RGB.

    Raises:
        DecodeError: If the clip is missing, empty, damaged or unreadable.
    """
    with naming(path):
        frames = every_folder_frame(path) if is_folder(path) else every_video_frame(path)
        sizes: set[tuple[int, ...]] = set()
        while batch := list(islice(frames, at_once)):
            sizes.update(frame.shape[:2] for frame in batch)
            refuse_mixed_sizes(sizes)
            yield np.stack(batch)


def count_frames(path: Path) -> int:
    """Number of frames that a clip claims to have; a damaged one may have fewer.

    Args:
        path: A video file, or a folder of frames.

    Raises:
        DecodeError: If the clip is missing, empty, damaged or unreadable.
    """
    with naming(path):
        return len(frame_files(path)) if is_folder(path) else index_video(path).num_frames


def is_folder(path: Path) -> bool:
    """Whether a clip is a folder of frames.

    Raises:
        DecodeError: If it is no file either.
    """
    if not path.is_dir() and not path.is_file():
        # Asked before opening: a named pipe, for one, would never answer.
        raise DecodeError("it is neither a file nor a folder" if path.exists() else "there is no such file")
    return path.is_dir()


def refuse_mixed_sizes(sizes: Iterable[tuple[int, ...]]) -> None:
    """Called with the height and width of every frame.

    Raises:
        DecodeError: If they differ.
    """
    distinct = sorted(set(sizes))
    if len(distinct) > 1:
        raise DecodeError(f"its frames differ in size (height, width): {distinct}")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Makes of every error one line that names the clip."""
    try:
        yield
    except Exception as error:
        # Errors of the system and of FFmpeg say in strerror what went wrong, without error numbers and the path again.
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        reason = text.splitlines()[0]
        raise DecodeError(f"{path} cannot be decoded: {reason}") from error
