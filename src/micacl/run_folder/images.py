"""Writes and reads the pictures of test clips that a run keeps: ``thumbnails.npz`` and ``frames.npz``."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from micacl.errors import UserError
from micacl.files import replacing
from micacl.run_folder.npz_file import open_arrays
from micacl.run_folder.record import Run

THUMBNAILS_FILE = "thumbnails.npz"  # the middle frame of every test clip
FRAMES_FILE = "frames.npz"  # all frames of some clips, in the order of time


def write_images(path: Path, clip_names: Sequence[str], pictures: Sequence[bytes]) -> None:
    """Writes pictures of clips, whole or not at all: `clip` (names), `data` (all pictures in a row) and `offsets`.

    Args:
        path: The file, of which `THUMBNAILS_FILE` and `FRAMES_FILE` are the names.
        clip_names: The clip of each picture; one with several pictures comes once for each, in the order of time.
        pictures: The pictures, encoded as JPEG.

    Raises:
        UserError: If the folder cannot be written to.
    """
    with replacing(path) as partial:
        np.savez(
            partial,
            clip=np.array(clip_names),
            data=np.frombuffer(b"".join(pictures), np.uint8),
            offsets=np.cumsum([0, *map(len, pictures)]),
        )


def read_images(run: Run, name: str) -> dict[str, list[bytes]]:
    """Reads the encoded pictures (JPEG, PNG or WebP) of each clip, in their order.

    Args:
        run: The run that has kept them.
        name: The file, `THUMBNAILS_FILE` or `FRAMES_FILE`.

    Returns:
        The pictures by clip; nothing where the run has not recorded them.

    Raises:
        UserError: If the file is damaged.
    """
    path = run.folder / name
    try:
        with open_arrays(path) as arrays:
            clip, data, offsets = arrays["clip"], arrays["data"], arrays["offsets"]
    except FileNotFoundError:
        return {}
    whole = (
        clip.ndim == data.ndim == offsets.ndim == 1
        and data.dtype == np.uint8
        and offsets.dtype.kind in "iu"
        and len(offsets) == len(clip) + 1
        and offsets[0] == 0
        and offsets[-1] == len(data)
        and (np.diff(offsets.astype(np.int64)) > 0).all()
    )
    if not whole:
        raise UserError(f"{path} is damaged: its pictures, offsets and clips do not fit each other.")
    images: dict[str, list[bytes]] = {}
    for n, name_of_clip in enumerate(clip.tolist()):
        images.setdefault(str(name_of_clip), []).append(data[offsets[n] : offsets[n + 1]].tobytes())
    return images
