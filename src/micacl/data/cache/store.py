"""Decodes one clip from its first frame to its last, and stores its small frames in the cache."""

from dataclasses import dataclass
from pathlib import Path

from micacl.data.cache.clip_info import ClipInfo, content_hash, undecodable
from micacl.data.cache.frame_file import read_frames, write_header
from micacl.data.frames.decoding import every_frame, naming
from micacl.data.frames.squares import to_squares
from micacl.data.sampling import frame_indices
from micacl.data.split import Clip
from micacl.errors import DecodeError
from micacl.files import replacing

# Frames decoded at once: enough for most clips, and 64 frames of full HD still fit into 400 MB.
FRAMES_AT_ONCE = 64


@dataclass(frozen=True)
class Target:
    """Says where and how a clip's frames are stored.

    Attributes:
        path: The `.npy` file to write.
        size: S, the height and width of the stored squares in pixels.
        max_frames: The largest number of frames to keep, evenly spaced; None keeps all.
    """

    path: Path
    size: int
    max_frames: int | None


def store_clip(clip: Clip, target: Target | None) -> ClipInfo:
    """Decodes every frame of a clip and, if there is a target, stores them as small squares.

    Args:
        clip: The clip.
        target: Where to store the frames; None stores nothing.

    Returns:
        What decoding found. For a clip that cannot be decoded it gives the reason, and no file is stored.

    Raises:
        UserError: If the target cannot be written, for example because the disk is full.
        OSError: If the target's folder cannot be made.
    """
    try:
        with naming(clip.path):
            digest = content_hash(clip.path)
        num_frames, height, width = _decode(clip.path) if target is None else _store(clip.path, target)
    except DecodeError as error:
        return undecodable(clip.name, str(error))
    return ClipInfo(clip.name, num_frames, height, width, digest, reason="")


def _decode(path: Path) -> tuple[int, int, int]:
    """Decodes a clip; returns the number of its frames, their height and their width."""
    count = 0
    for frames in every_frame(path, FRAMES_AT_ONCE):
        height, width = frames.shape[1:3]
        count += len(frames)
    return count, height, width


def _store(path: Path, target: Target) -> tuple[int, int, int]:
    """Decodes a clip and stores its frames; returns their number and, before they are made small, height and width."""
    target.path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target.path) as temporary:
        # Written, not mapped: writing to a map of a file on a full disk kills the process.
        with temporary.open("wb") as file:
            count = 0
            write_header(file, count, target.size)
            for frames in every_frame(path, FRAMES_AT_ONCE):
                height, width = frames.shape[1:3]
                file.write(to_squares(frames, target.size).data)
                count += len(frames)
            file.seek(0)
            write_header(file, count, target.size)
        max_frames = target.max_frames
        if max_frames is not None and max_frames < count:
            kept = read_frames(temporary, target.size, lambda count: frame_indices(count, max_frames, None))
            with temporary.open("wb") as file:
                write_header(file, max_frames, target.size)
                file.write(kept.data)
    return count, height, width
