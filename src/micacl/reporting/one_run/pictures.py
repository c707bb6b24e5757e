"""Reads pictures that a run has kept of its test clips, and packs them for a page."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from micacl.errors import UserError

LARGEST_SIDE = 2048  # pixels; nothing that a run keeps is larger
TILE_SIDES = (64, 48, 40, 32, 24, 16)  # pixels; the largest whose sheet is small enough
SHEET_BYTES = 2_000_000  # a page of 10 MiB holds 4.6 MiB of plotly.js and this by 4/3
WEBP_QUALITY = 60


@dataclass(frozen=True)
class Sheet:
    """Many small pictures as one.

    Attributes:
        uri: The picture as a data: address.
        side: The side of a tile in pixels.
        columns: The number of tiles in a row.
        tile: The position of each clip's tile, counted by rows.
    """

    uri: str
    side: int
    columns: int
    tile: Mapping[str, int]


def sheet(pictures: Mapping[str, bytes], path: Path) -> Sheet:
    """Packs one picture of each clip into one WebP that fits a page.

    Args:
        pictures: The encoded picture of each clip, at least one.
        path: The file that they come from, for the message.

    Raises:
        UserError: If a picture is damaged.
    """
    decoded = [open_image(data, path, TILE_SIDES[0]) for data in pictures.values()]
    columns = math.ceil(math.sqrt(len(decoded)))
    rows = math.ceil(len(decoded) / columns)
    encoded = b""
    side = TILE_SIDES[0]
    for side in TILE_SIDES:
        canvas = Image.new("RGB", (columns * side, rows * side))
        for n, picture in enumerate(decoded):
            canvas.paste(picture.resize((side, side)), (n % columns * side, n // columns * side))
        encoded = _encode(canvas)
        if len(encoded) <= SHEET_BYTES:
            break
    return Sheet(_uri(encoded), side, columns, {clip: n for n, clip in enumerate(pictures)})


def data_uris(pictures: Sequence[bytes], path: Path, side: int) -> list[str]:
    """Encodes each picture as a data: address.

    Args:
        pictures: The encoded pictures.
        path: The file that they come from, for the message.
        side: The largest width and height in pixels.

    Raises:
        UserError: If a picture is damaged.
    """
    return [_uri(_encode(open_image(data, path, side))) for data in pictures]


def open_image(data: bytes, path: Path, side: int = LARGEST_SIDE) -> Image.Image:
    """Decodes a picture. Callers encode it anew before they show it, so that a page holds pictures and nothing else.

    Args:
        data: The encoded picture.
        path: The file that it comes from, for the message.
        side: The largest width and height in pixels.

    Raises:
        UserError: If the picture is damaged.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
            if max(picture.size) > LARGEST_SIDE:
                raise UserError(f"{path} holds a picture of {picture.size} pixels; {LARGEST_SIDE} is the most.")
            picture.draft("RGB", (side, side))
            small = picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} holds a damaged picture: {error}.") from error
    small.thumbnail((side, side))
    return small


def _encode(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=WEBP_QUALITY)
    return buffer.getvalue()


def _uri(encoded: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(encoded).decode()}"
