"""The pictures of test clips that a run keeps: ``thumbnails.npz`` and ``frames.npz``."""

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from micacl.errors import UserError
from micacl.files import replacing
from micacl.run_folder.record import Run

THUMBNAILS_FILE = "thumbnails.npz"  # the middle frame of every test clip
FRAMES_FILE = "frames.npz"  # all frames of some clips, in the order of time


def read_images(run: Run, name: str) -> dict[str, list[bytes]]:
    """The encoded pictures of each clip, in their order.

    Args:
        run: The run that has kept them.
        name: `THUMBNAILS_FILE` or `FRAMES_FILE`, NumPy archives of `clip` (M names, one for each picture), `data`
            (uint8, all pictures one after the other as JPEG, PNG or WebP) and `offsets` (M + 1, where each begins).

    Returns:
        Nothing where the run has not recorded them.

    Raises:
        UserError: If the file is damaged.
    """
    path = run.folder / name
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            clip, data, offsets = arrays["clip"], arrays["data"], arrays["offsets"]
    except FileNotFoundError:
        return {}
    except KeyError as error:
        raise UserError(f"{path} is damaged: {error.args[0]}.") from error
    except (OSError, EOFError, ValueError, TypeError, BadZipFile) as error:
        raise UserError(f"{path} is damaged and cannot be read: {error}") from error
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


def write_images(path: Path, clip_names: Sequence[str], pictures: Sequence[bytes]) -> None:
    """Writes pictures of clips: ``clip`` (names), ``data`` (uint8, all JPEGs one after the other) and ``offsets``.

    Args:
        path: The file.
        clip_names: The clip of each picture; one with several pictures comes once for each, in the order of time.
        pictures: JPEGs.
    """
    with replacing(path) as partial:
        np.savez(
            partial,
            clip=np.array(clip_names),
            data=np.frombuffer(b"".join(pictures), np.uint8),
            offsets=np.cumsum([0, *map(len, pictures)]),
        )
