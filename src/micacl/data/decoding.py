"""Reads chosen frames of one clip, from a video file or from a folder of frames."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from micacl.data.frame_folder import frame_files, read_frame_folder
from micacl.data.video_file import index_video, read_video
from micacl.errors import DecodeError


def decode_frames(path: Path, choose: Callable[[int], NDArray[np.int64]]) -> NDArray[np.uint8]:
    """Read some frames of a clip.

    Args:
        path: a video file, or a folder of frames (.jpg, .jpeg, .png) in the order of the numbers in their names.
        choose: is told how many frames the clip has, and returns the indices of those to read, never decreasing.

    Returns:
        The chosen frames as F,H,W,3 in RGB, 0 to 255.

    Raises:
        DecodeError: the clip is missing, empty, damaged or unreadable; the message names it and says why, on one line.
    """
    with _named(path):
        frames = read_frame_folder(path, choose) if _is_folder(path) else read_video(path, choose)
        sizes = sorted({frame.shape[:2] for frame in frames})
        if len(sizes) > 1:
            raise DecodeError(f"its frames differ in size (height, width): {sizes}")
        return np.stack(frames)


def count_frames(path: Path) -> int:
    """Number of frames that a clip claims to have; a damaged one may have fewer.

    Args:
        path: a video file, or a folder of frames.

    Raises:
        DecodeError: the clip is missing, empty, damaged or unreadable.
    """
    with _named(path):
        return len(frame_files(path)) if _is_folder(path) else index_video(path).num_frames


def _is_folder(path: Path) -> bool:
    if not path.is_dir() and not path.is_file():
        # Asked before opening: a named pipe, for one, would never answer.
        raise DecodeError("it is neither a file nor a folder" if path.exists() else "there is no such file")
    return path.is_dir()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Makes of every error one line that names the clip."""
    try:
        yield
    except Exception as error:
        # Errors of the system and of FFmpeg say in strerror what went wrong, without error numbers and the path again.
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        reason = text.splitlines()[0]
        raise DecodeError(f"{path} cannot be decoded: {reason}") from error
