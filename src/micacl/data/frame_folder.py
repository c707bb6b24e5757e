"""Reads chosen frames of a clip that is stored as a folder of images."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from micacl.errors import DecodeError

SUFFIXES = (".jpg", ".jpeg", ".png")


def read_frame_folder(path: Path, choose: Callable[[int], NDArray[np.int64]]) -> list[NDArray[np.uint8]]:
    """Read the chosen frames, each image once.

    Args:
        path: a folder of images (.jpg, .jpeg, .png), ordered by the numbers in their names; other files are ignored.
        choose: is told how many frames there are, and returns the indices of those to read.

    Returns:
        The frames, each H,W,3 in RGB; grey images have three equal channels.

    Raises:
        DecodeError: the folder has no images, or one of the chosen ones is damaged.
        OSError: the folder cannot be listed.
    """
    files = frame_files(path)
    indices = choose(len(files)).tolist()
    read = {index: _read_image(files[index]) for index in dict.fromkeys(indices)}
    return [read[index] for index in indices]


def frame_files(path: Path) -> list[Path]:
    """The images of a folder, in the order of the numbers in their names.

    Raises:
        DecodeError: the folder has no images.
        OSError: the folder cannot be listed.
    """
    # Names that start with a dot are macOS's shadow files (._00001.jpg), which are no images.
    files = [file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")]
    if not files:
        raise DecodeError(f"the folder has no frames ({', '.join(SUFFIXES)})")
    return sorted(files, key=_natural_order)


def _read_image(file: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(file) as image:
            return np.asarray(image.convert("RGB"))
    except Exception as error:
        # Pillow's messages name the file or not; ours always does.
        raise DecodeError(f"{file.name}: {error}") from error


def _natural_order(file: Path) -> list[tuple[int, str]]:
    """Sort key under which frame 10 follows frame 9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", file.name)]
