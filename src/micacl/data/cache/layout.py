"""Names the folders and files of a cache.

One cache holds one copy of one data set at one frame size, for all folds and all runs:

    <cache folder>/<data set>-<key>/
      about.json        the fields of the key, and the format
      journal.jsonl     one line for each clip that was decoded, or could not be
      clips/3f/3f...npy uint8 frames of shape (F, S, S, 3), one file for each clip

A clip's file appears by renaming, and its journal line after it: what the journal lists is whole. NumPy's own format
lets a reader touch only the frames that it needs. benchmarks/README.md compares it with other formats, some faster.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from micacl.errors import UserError

# A change of what is in the files makes another key, so that old caches are left alone rather than misread.
FORMAT = 1

ABOUT_NAME = "about.json"
JOURNAL_NAME = "journal.jsonl"
CLIPS_NAME = "clips"
LOCK_NAME = "lock"


@dataclass(frozen=True)
class CacheKey:
    """Identifies a cache.

    Attributes:
        dataset: The data set's name.
        root: The folder that it was read from, resolved.
        size: S, the height and width of the frames in pixels.
        frames: The largest number of frames kept of a clip, evenly spaced, or "all".
    """

    dataset: str
    root: str
    size: int
    frames: int | str

    @property
    def folder_name(self) -> str:
        """The name of the cache's folder."""
        text = json.dumps(asdict(self) | {"format": FORMAT}, sort_keys=True)
        return f"{self.dataset}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def clip_file(folder: Path, clip_name: str) -> Path:
    """Gives the file of a clip's frames in a cache's folder."""
    return folder / clip_place(clip_name)


def clip_place(clip_name: str) -> str:
    """Gives the path of a clip's frames within a cache's folder.

    Clip names hold slashes, spaces and any letter; a hash of them is a valid name on every file system.
    """
    digest = hashlib.sha256(clip_name.encode()).hexdigest()[:24]
    return f"{CLIPS_NAME}/{digest[:2]}/{digest}.npy"


def refuse_links(folder: Path) -> None:
    """Refuses a cache with a symbolic link where it writes files or folders; `cache.dir` itself may be one.

    Args:
        folder: The cache's folder.

    Raises:
        UserError: If there is a link.
    """
    clips = folder / CLIPS_NAME
    written = [folder, clips, folder / ABOUT_NAME, folder / JOURNAL_NAME, folder / LOCK_NAME]
    for path in (*written, *(clips.iterdir() if clips.is_dir() and not clips.is_symlink() else ())):
        if path.is_symlink():
            raise UserError(
                f"{path} is a symbolic link, which the cache never makes: delete it, or set cache.dir to another folder"
            )
