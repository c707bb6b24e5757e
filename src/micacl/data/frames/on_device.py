"""Decodes a batch's encoded clips in the main process, on the device that trains."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from micacl.data.frames.decoding import naming
from micacl.data.frames.encoded import DecodedSquares, EncodedClip, EncodedImages, EncodedVideo
from micacl.data.frames.squares import to_squares_on_device
from micacl.data.frames.with_jpeg import decode_jpegs
from micacl.data.frames.with_torchcodec import decode_video
from micacl.errors import DecodeError


def decode_batch(clips: Sequence[EncodedClip], size: int, device: torch.device) -> Tensor:
    """Decodes clips one after the other, all frames of one at once.

    Args:
        clips: B clips of F frames each.
        size: S, the height and width of the squares that frames become.
        device: The device that decodes.

    Returns:
        uint8 frames B,F,S,S,3 in RGB on the device.

    Raises:
        DecodeError: If a clip is damaged; the message names it.
    """
    return torch.stack([_squares(clip, size, device) for clip in clips])


def _squares(clip: EncodedClip, size: int, device: torch.device) -> Tensor:
    if isinstance(clip, DecodedSquares):
        return torch.from_numpy(clip.frames).to(device)
    with naming(clip.path):
        frames_FHWC = _video(clip, device) if isinstance(clip, EncodedVideo) else _images(clip, device)
    return to_squares_on_device(frames_FHWC, size)


def _video(clip: EncodedVideo, device: torch.device) -> Tensor:
    return decode_video(torch.from_numpy(clip.data), clip.indices, device)


def _images(clip: EncodedImages, device: torch.device) -> Tensor:
    try:
        pictures = torch.stack(decode_jpegs(clip.data, device))
    except ValueError as error:
        # They were decoded all at once, so only now is the damaged one looked for.
        for name, data in zip(clip.names, clip.data, strict=True):
            _refuse_damaged(name, data, device)
        raise DecodeError(str(error)) from error
    return pictures[torch.from_numpy(clip.places).to(device)]


def _refuse_damaged(name: str, data: NDArray[np.uint8], device: torch.device) -> None:
    try:
        decode_jpegs([data], device)
    except ValueError as error:
        raise DecodeError(f"{name}: {error}") from error
