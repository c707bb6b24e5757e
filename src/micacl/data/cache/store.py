"""Reads one clip from its first frame to its last: what there is to know of it, and its small frames for the cache."""

from pathlib import Path

from micacl.data.cache.facts import ClipFacts, content_hash
from micacl.data.cache.frame_file import read_frames, write_header
from micacl.data.frames.decoding import every_frame
from micacl.data.frames.squares import to_squares
from micacl.data.sampling import frame_indices
from micacl.errors import DecodeError
from micacl.files import replacing

# Frames decoded at once: enough for most clips, and 64 frames of full HD still fit into 400 MB.
FRAMES_AT_ONCE = 64


def take_in(name: str, path: Path, target: Path | None, size: int, max_frames: int | None) -> ClipFacts:
    """Decode every frame of a clip and, if asked to, keep them as small squares.

    Args:
        name: The clip's name.
        path: A video file, or a folder of frames.
        target: The `.npy` file to write; None only looks.
        size: Height and width of the squares in pixels.
        max_frames: Most frames to keep, evenly spaced; None keeps all.

    Returns:
        What was found. A clip that cannot be decoded leaves no file, and its reason in the facts.

    Raises:
        UserError: If the target cannot be written, for example because the disk is full.
    """
    try:
        digest = content_hash(path)
        if target is None:
            num_frames, height, width = _look(path)
        else:
            num_frames, height, width = _store(path, target, size, max_frames)
    except DecodeError as error:
        return ClipFacts(name, 0, 0, 0, "", str(error))
    except OSError as error:
        return ClipFacts(name, 0, 0, 0, "", f"{path} cannot be read: {error.strerror or error}")
    return ClipFacts(name, num_frames, height, width, digest, "")


def _look(path: Path) -> tuple[int, int, int]:
    """Frames, height and width of a clip."""
    count = 0
    for frames in every_frame(path, FRAMES_AT_ONCE):
        height, width = frames.shape[1:3]
        count += len(frames)
    return count, height, width


def _store(path: Path, target: Path, size: int, max_frames: int | None) -> tuple[int, int, int]:
    """Frames, height and width of a clip whose squares are now in the target."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as temporary:
        # Written, not mapped: writing to a map of a file on a full disk kills the process.
        with temporary.open("wb") as file:
            count = 0
            write_header(file, count, size)
            for frames in every_frame(path, FRAMES_AT_ONCE):
                height, width = frames.shape[1:3]
                file.write(to_squares(frames, size).data)
                count += len(frames)
            file.seek(0)
            write_header(file, count, size)
        if max_frames is not None and max_frames < count:
            kept = read_frames(temporary, size, lambda count: frame_indices(count, max_frames, None))
            with temporary.open("wb") as file:
                write_header(file, max_frames, size)
                file.write(kept.data)
    return count, height, width
