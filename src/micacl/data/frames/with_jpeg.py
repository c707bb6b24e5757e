"""Decodes JPEGs of frame folders with torchvision: in the workers, or on a GPU by nvJPEG.

torchvision 0.29 calls its decoder deprecated in favour of torchcodec's; every supported version has it.
"""

import io
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
import torchvision.io
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor


def decode_jpeg(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Decodes one JPEG on the CPU.

    Args:
        data: The bytes of the JPEG.

    Returns:
        The picture H,W,3 in RGB; a grey one has three equal channels.

    Raises:
        ValueError: If the JPEG is damaged.
    """
    return decode_jpegs([data], torch.device("cpu"))[0].numpy()


def decode_jpegs(data: Sequence[NDArray[np.uint8]], device: torch.device) -> list[Tensor]:
    """Decodes JPEGs on a device, all at once on a GPU.

    Args:
        data: The bytes of each JPEG.
        device: The device that decodes and then holds the pictures.

    Returns:
        uint8 pictures H,W,3 in RGB.

    Raises:
        ValueError: If one of them is damaged.
    """
    tensors = [torch.from_numpy(item) for item in data]
    try:
        pictures = torchvision.io.decode_jpeg(tensors, torchvision.io.ImageReadMode.RGB, device)
    except torch.OutOfMemoryError:
        raise  # not the file's fault
    except RuntimeError as error:
        raise ValueError("the JPEG is damaged or cut off") from error
    return [picture.permute(1, 2, 0) for picture in pictures]


@cache
def jpeg_problem(device: torch.device) -> str:
    """Says why the decoder does not work here, after trying it on a small picture; "" if it does."""
    if not hasattr(torchvision.io, "decode_jpeg"):
        return f"torchvision {torchvision.__version__} has no decode_jpeg any more"
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "JPEG")
    try:
        decode_jpegs([np.frombuffer(bytearray(buffer.getvalue()), np.uint8)], device)
    except (RuntimeError, ValueError) as error:
        cause = str(error.__cause__ or error).splitlines()[0]
        return f"torchvision {torchvision.__version__} cannot decode JPEGs on {device}: {cause}"
    return ""
