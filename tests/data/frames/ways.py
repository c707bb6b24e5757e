"""Decodes a clip in every way: by the backends in a worker, and by the main process on the CPU and on a GPU."""

from collections.abc import Callable
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from micacl.data.frames.decoding import PYAV_AND_PILLOW, Readers, decode_frames
from micacl.data.frames.encoded import EncodedFrames
from micacl.data.frames.on_device import decode_batch
from micacl.data.frames.with_decord import read_with_decord
from micacl.data.frames.with_jpeg import decode_jpeg, jpeg_problem
from micacl.data.frames.with_torchcodec import read_with_torchcodec, torchcodec_problem
from micacl.data.sampling import Choose
from micacl.data.split import Clip

Decode = Callable[[Path, Choose], NDArray[np.uint8]]

CPU, GPU = torch.device("cpu"), torch.device("cuda")
MAIN = ("main process", "GPU")
VIDEO_WAYS = ("PyAV and Pillow", "decord", "torchcodec", *MAIN)
IMAGE_WAYS = ("PyAV and Pillow", "jpeg", *MAIN)


def way(name: str, size: int = 64) -> Decode:
    """Decodes frames of size x size pixels; skips the test where it cannot."""
    if name in MAIN:
        return lambda path, choose: in_main_process(path, choose, size, CPU if name == "main process" else GPU)
    readers = {
        "PyAV and Pillow": PYAV_AND_PILLOW,
        "decord": Readers(video=read_with_decord),
        "torchcodec": Readers(video=read_with_torchcodec),
        "jpeg": Readers(jpeg=decode_jpeg),
    }[name]
    return lambda path, choose: decode_frames(path, choose, readers)


def skip_if_missing(name: str, *, videos: bool = True, images: bool = True) -> None:
    """Skips a test whose backend is not there; the main process needs one for what the test decodes."""
    if name == "GPU" and not torch.cuda.is_available():
        pytest.skip("no GPU")
    device = GPU if name == "GPU" else CPU
    if videos and name in ("torchcodec", *MAIN) and (problem := torchcodec_problem(device)):
        # Both there and yet of no use is a failure: our own code may be what is wrong.
        assert name == "GPU" or not (find_spec("torchcodec") and find_library("avcodec")), problem
        pytest.skip(problem)
    if images and name in ("jpeg", *MAIN) and (problem := jpeg_problem(device)):
        assert name == "GPU", problem  # every torchvision decodes JPEGs on the CPU
        pytest.skip(problem)


def in_main_process(path: Path, choose: Choose, size: int, device: torch.device) -> NDArray[np.uint8]:
    """Reads as a worker and decodes as the main process; returns squares of `size`."""
    encoded = EncodedFrames(size, True, True, PYAV_AND_PILLOW).read(Clip("clip", path, 0), choose)
    frames: NDArray[np.uint8] = decode_batch([encoded], size, device)[0].cpu().numpy()
    return frames


def agree(name: str, frames: NDArray[np.uint8], expected: NDArray[np.uint8]) -> bool:
    """Tells whether frames lie within the tolerance that docs/datasets.md states."""
    difference = abs(frames.astype(int) - expected)
    return bool(difference.mean() <= 4 if name == "GPU" else difference.max() <= 2)
