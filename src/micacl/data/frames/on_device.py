"""Decodes a batch's encoded clips in the main process, on the device that trains."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from micacl.data.frames.decoding import naming
from micacl.data.frames.encoded import DecodedSquares, EncodedClip, EncodedImages, EncodedVideo
from micacl.data.frames.squares import middle_squares
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


def to_squares_on_device(frames_FHWC: Tensor, size: int) -> Tensor:
    """Cuts the middle square out of each frame and resizes it.

    Args:
        frames_FHWC: The RGB frames, uint8.
        size: The height and width of the result in pixels.

    Returns:
        uint8 frames of shape (F, size, size, 3), each pixel within one level of that of `to_squares`.
    """
    squares = middle_squares(frames_FHWC)
    side = squares.shape[1]
    if side == size:
        return squares
    weights = (_area_weights(side, size) if side > size else _linear_weights(side, size)).to(frames_FHWC.device)
    # Along one axis after the other; OpenCV's and PyTorch's own ways of averaging over areas differ from each other.
    rows = torch.einsum("is,fsxc->fixc", weights, squares.float())
    resized = torch.einsum("js,fisc->fijc", weights, rows)
    return resized.round_().clamp_(0, 255).byte()


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


def _area_weights(side: int, size: int) -> Tensor:
    """Computes the share (size, side) of each source pixel in each resulting pixel, which covers several."""
    edges = torch.arange(size + 1, dtype=torch.float64) * side / size
    pixel = torch.arange(side, dtype=torch.float64)
    first, last = torch.maximum(edges[:-1, None], pixel), torch.minimum(edges[1:, None], pixel + 1)
    return ((last - first).clamp_min(0) * size / side).float()


def _linear_weights(side: int, size: int) -> Tensor:
    """Computes the weights (size, side) of the two source pixels around the middle of each resulting pixel."""
    middle = ((torch.arange(size, dtype=torch.float64) + 0.5) * side / size - 0.5).clamp(0, side - 1)
    pixel = torch.arange(side, dtype=torch.float64)
    return (1 - (middle[:, None] - pixel).abs()).clamp_min(0).float()
