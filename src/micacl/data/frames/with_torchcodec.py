"""Decodes video files with torchcodec, an optional package: in the workers, or on a GPU by its video engine (NVDEC)."""

import io
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from micacl.data.frames.video_file import DAMAGED
from micacl.errors import DecodeError

INSTALL = "pip install torchcodec (0.17 for torch 2.14), and FFmpeg 4 to 8 (apt-get install ffmpeg)"


def read_with_torchcodec(path: Path, indices: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
    """Decodes frames of a regular video file on the CPU.

    Args:
        path: The file.
        indices: The indices of the frames, never decreasing.

    Returns:
        The frames, each H,W,3 in RGB.

    Raises:
        DecodeError: If the frames are damaged.
    """
    return list(decode_video(path, indices, torch.device("cpu")).numpy())


def decode_video(source: Path | Tensor, indices: NDArray[np.int64], device: torch.device) -> Tensor:
    """Decodes frames of a regular video on a device.

    Args:
        source: The file, or its bytes as a uint8 tensor on the CPU.
        indices: The indices of the frames, never decreasing.
        device: The device that decodes and then holds the frames.

    Returns:
        uint8 frames F,H,W,3 in RGB.

    Raises:
        DecodeError: If the frames are damaged.
    """
    from torchcodec.decoders import VideoDecoder

    try:
        # "exact" reads all packets first; the other mode guesses a frame's time stamp from the mean rate.
        decoder = VideoDecoder(source, dimension_order="NHWC", seek_mode="exact", device=device)
        frames: Tensor = decoder.get_frames_at(torch.from_numpy(indices)).data
    except torch.OutOfMemoryError:
        raise  # not the file's fault
    except (RuntimeError, ValueError, IndexError) as error:
        raise DecodeError(DAMAGED) from error
    return frames


@cache
def torchcodec_problem(device: torch.device) -> str:
    """Says why torchcodec does not work here, after trying it on a small video; "" if it does."""
    try:
        from torchcodec.decoders import VideoDecoder
    except ImportError:
        return f"the package torchcodec is not installed: {INSTALL}"
    except (RuntimeError, OSError):
        # Its own message is a page about every version of FFmpeg that it has tried.
        return f"torchcodec cannot load FFmpeg, or was built for another torch: {INSTALL}"
    video = torch.frombuffer(bytearray(_small_video()), dtype=torch.uint8)
    try:
        decoder = VideoDecoder(video, device=device)
        decoder.get_frame_at(0)
    except (RuntimeError, ValueError) as error:
        return f"torchcodec cannot decode H.264 on {device}: {str(error).splitlines()[0]}"
    if device.type == "cuda" and getattr(decoder, "cpu_fallback", False):
        return f"torchcodec decodes H.264 on the CPU although {device} is asked for: {decoder.cpu_fallback}"
    return ""


def _small_video() -> bytes:
    """Makes an mp4 with two grey frames of H.264; 256x256, because GPUs refuse very small ones."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(25))
        stream.width = stream.height = 256
        stream.pix_fmt = "yuv420p"
        for _ in range(2):
            gray = np.full((256, 256, 3), 128, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(gray, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()
