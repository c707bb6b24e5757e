"""What decoding a clip from its first frame to its last finds out."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from micacl.data.frames.frame_folder import frame_files


@dataclass(frozen=True)
class ClipFacts:
    """One clip as it lies on the disk.

    Attributes:
        name: The clip's name in its data set.
        num_frames: Frames that can be decoded; 0 where the clip cannot.
        height: Of a frame in pixels.
        width: Of a frame in pixels.
        content_hash: SHA-256 of the video file's bytes, or of the frames' files one after the other; "" where the clip
            cannot be read.
        reason: Why the clip cannot be decoded; "" where it can.
    """

    name: str
    num_frames: int
    height: int
    width: int
    content_hash: str
    reason: str


def content_hash(path: Path) -> str:
    """SHA-256 of a clip's bytes, the same wherever the clip lies and whatever its frames are called.

    Args:
        path: A video file, or a folder of frames.

    Raises:
        OSError: If it cannot be read.
        DecodeError: If the folder has no frames.
    """
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for frame in frame_files(path):
        with frame.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
