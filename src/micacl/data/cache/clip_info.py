"""Holds what decoding a whole clip has found out about it, and identifies the clip by its bytes."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from micacl.data.frames.decoding import is_folder
from micacl.data.frames.frame_folder import frame_files


@dataclass(frozen=True)
class ClipInfo:
    """Describes one clip as it lies on the disk.

    Attributes:
        name: The clip's name in its data set.
        num_frames: The number of frames that can be decoded; 0 where the clip cannot be.
        height: The height of a frame in pixels.
        width: The width of a frame in pixels.
        content_hash: The SHA-256 of the video file's bytes, or of the frames' files one after the other; "" where the
            clip cannot be decoded.
        reason: Why the clip cannot be decoded; "" where it can be.
    """

    name: str
    num_frames: int
    height: int
    width: int
    content_hash: str
    reason: str


def undecodable(name: str, reason: str) -> ClipInfo:
    """Describes a clip that cannot be decoded.

    Args:
        name: The clip's name.
        reason: Why it cannot be decoded.
    """
    return ClipInfo(name, num_frames=0, height=0, width=0, content_hash="", reason=reason)


def content_hash(path: Path) -> str:
    """Computes the SHA-256 of a clip's bytes, the same wherever the clip lies and whatever its frames are called.

    Args:
        path: A video file, or a folder of frames.

    Raises:
        OSError: If the clip cannot be read.
        DecodeError: If it is neither a file nor a folder, or a folder without frames.
    """
    if not is_folder(path):
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for frame in frame_files(path):
        with frame.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
