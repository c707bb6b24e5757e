"""Reads the frames of a clip that is stored as a folder of images."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from micacl.data.sampling import Choose
from micacl.errors import DecodeError

SUFFIXES = (".jpg", ".jpeg", ".png")
# Decodes the bytes of one JPEG to H,W,3 in RGB.
JpegDecoder = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


def read_frame_folder(path: Path, choose: Choose, decode_jpeg: JpegDecoder | None) -> list[NDArray[np.uint8]]:
    """Reads the chosen frames, each image once.

    Args:
        path: A folder of images (.jpg, .jpeg, .png), ordered by the numbers in their names; other files are ignored.
        choose: Chooses the frames to read.
        decode_jpeg: Decodes the JPEGs; None leaves them to Pillow, like the other images.

    Returns:
        The frames, each H,W,3 in RGB; grey images have three equal channels.

    Raises:
        DecodeError: If the folder has no images, or one of the chosen ones is damaged or too large.
        OSError: If the folder cannot be listed.
    """
    files = frame_files(path)
    indices = choose(len(files)).tolist()
    read = {index: _read_image(files[index], decode_jpeg) for index in dict.fromkeys(indices)}
    return [read[index] for index in indices]


def every_folder_frame(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Reads all frames in order, one at a time; raises as `read_frame_folder` does.

    Yields:
        The next frame, H,W,3 in RGB.
    """
    for file in frame_files(path):
        yield _read_image(file, None)


def frame_files(path: Path) -> list[Path]:
    """Lists the images of a folder, in the order of the numbers in their names.

    Raises:
        DecodeError: If the folder has no images.
        OSError: If the folder cannot be listed.
    """
    # Names that start with a dot are macOS's shadow files (._00001.jpg), which are no images.
    files = [file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")]
    if not files:
        raise DecodeError(f"the folder has no frames ({', '.join(SUFFIXES)})")
    return sorted(files, key=_natural_order)


def open_image(file: Path) -> Image.Image:
    """Opens an image, reading its header and nothing else.

    Raises:
        DecodeError: If the image is too large.
        OSError: If the file cannot be read, or is no image.
    """
    try:
        image = Image.open(file)
    except Image.DecompressionBombError as error:
        raise DecodeError(TOO_LARGE) from error  # Pillow's own limit, above ours
    if is_huge(*image.size):
        image.close()
        raise DecodeError(TOO_LARGE)
    return image


def is_plain_jpeg(image: Image.Image) -> bool:
    """Tells whether every JPEG decoder reads an image: grey or three colours, not the four of print."""
    return image.format == "JPEG" and image.mode in ("L", "RGB")


def _read_image(file: Path, decode_jpeg: JpegDecoder | None) -> NDArray[np.uint8]:
    try:
        with open_image(file) as image:
            if decode_jpeg is not None and is_plain_jpeg(image):
                return decode_jpeg(np.fromfile(file, np.uint8))
            return np.asarray(image.convert("RGB"))
    except Exception as error:
        # Pillow's messages name the file or not; ours always does.
        raise DecodeError(f"{file.name}: {error}") from error


def _natural_order(file: Path) -> list[tuple[int, str]]:
    """Gives a sort key under which frame 10 follows frame 9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", file.name)]


# 8192 x 8192, more than any camera's film; sixteen such frames take 3 GB.
MAX_PIXELS = 2**26
TOO_LARGE = f"its frames have more than the {MAX_PIXELS:,} pixels that are read"


def is_huge(width: int, height: int) -> bool:
    """Tells whether frames of the size in a file's header are too large to decode."""
    return width * height > MAX_PIXELS
