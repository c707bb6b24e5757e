"""Decodes frames of one clip, from a video file or from a folder of frames, on the CPU."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from micacl.data.frames.frame_folder import JpegDecoder, every_folder_frame, frame_files, read_frame_folder
from micacl.data.frames.video_file import SeekingReader, every_video_frame, index_video, read_video
from micacl.data.sampling import Choose
from micacl.errors import DecodeError


@dataclass(frozen=True)
class Readers:
    """Holds the functions that decode.

    Attributes:
        video: Reads the chosen frames of regular video files (see `video_file`); None leaves them to PyAV.
        jpeg: Decodes the JPEGs of frame folders; None leaves them to Pillow.
    """

    video: SeekingReader | None = None
    jpeg: JpegDecoder | None = None


# They need no other package and read every file: the check and the cache are made with them.
PYAV_AND_PILLOW = Readers()


def decode_frames(path: Path, choose: Choose, readers: Readers = PYAV_AND_PILLOW) -> NDArray[np.uint8]:
    """Decodes some frames of a clip.

    Args:
        path: A video file, or a folder of frames (.jpg, .jpeg, .png) in the order of the numbers in their names.
        choose: Chooses the frames to decode.
        readers: The functions that decode.

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
    """Decodes a clip from the first frame to the last, a few at a time so that a long video does not fill the memory.

    Args:
        path: A video file, or a folder of frames.
        at_once: The largest number of frames to give at once.

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
    """Counts the frames that a clip claims to have; a damaged one may have fewer.

    Args:
        path: A video file, or a folder of frames.

    Raises:
        DecodeError: If the clip is missing, empty, damaged or unreadable.
    """
    with naming(path):
        return len(frame_files(path)) if is_folder(path) else index_video(path).num_frames


def is_folder(path: Path) -> bool:
    """Tells whether a clip is a folder of frames.

    Args:
        path: A video file, or a folder of frames.

    Raises:
        DecodeError: If it is neither a file nor a folder.
    """
    if not path.is_dir() and not path.is_file():
        # Checked before opening: opening a named pipe, for one, would wait forever.
        raise DecodeError("it is neither a file nor a folder" if path.exists() else "there is no such file")
    return path.is_dir()


def refuse_mixed_sizes(sizes: Iterable[tuple[int, ...]]) -> None:
    """Refuses a clip whose frames differ in size.

    Args:
        sizes: The height and width of every frame.

    Raises:
        DecodeError: If they differ.
    """
    distinct = sorted(set(sizes))
    if len(distinct) > 1:
        raise DecodeError(f"its frames differ in size (height, width): {distinct}")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Re-raises any error as a one-line DecodeError that names the clip."""
    try:
        yield
    except Exception as error:
        # Errors of the system and of FFmpeg say in strerror what went wrong, without error numbers and the path again.
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        reason = text.splitlines()[0]
        raise DecodeError(f"{path} cannot be decoded: {reason}") from error
