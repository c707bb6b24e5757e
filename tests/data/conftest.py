"""Makes small video files whose frames show their own number."""

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.data.frames.ways import IMAGE_WAYS, VIDEO_WAYS, Decode, skip_if_missing, way

# A frame shows its number in binary, one bar for each bit, so that no codec can blur one number into another.
BITS = 8
BAR = 8


class WriteVideo(Protocol):
    """Writes an H.264 video of numbered frames and returns its path."""

    def __call__(
        self,
        path: Path,
        num_frames: int = 40,
        *,
        size: int = 64,
        key_frame_every: int = 12,
        b_frames: int = 2,
        variable_rate: bool = False,
        first_time_stamp: int = 0,
        milliseconds: int = 40,
        options: dict[str, str] | None = None,
    ) -> Path: ...


def numbered_frame(number: int, size: int) -> NDArray[np.uint8]:
    """Draws a frame (size,size,3) of noise that shows its number, from 0 to 255."""
    frame = np.random.default_rng(0).integers(0, 255, (size // 8, size // 8, 3), dtype=np.uint8)
    frame = frame.repeat(8, axis=0).repeat(8, axis=1)
    for bit in range(BITS):
        frame[BAR * bit : BAR * (bit + 1), : 2 * BAR] = 255 * (number >> bit & 1)
    return frame


def _write_video(
    path: Path,
    num_frames: int = 40,
    *,
    size: int = 64,
    key_frame_every: int = 12,
    b_frames: int = 2,
    variable_rate: bool = False,
    first_time_stamp: int = 0,
    milliseconds: int = 40,
    options: dict[str, str] | None = None,
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    millisecond = Fraction(1, 1000)
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {"bf": str(b_frames), "g": str(key_frame_every), "crf": "18", "x264-params": "b-adapt=0"}
        stream.time_base = stream.codec_context.time_base = millisecond
        time = first_time_stamp
        for number in range(num_frames):
            frame = av.VideoFrame.from_ndarray(numbered_frame(number, size), format="rgb24")
            frame.pts, frame.time_base = time, millisecond
            time += int(generator.integers(10, 120)) if variable_rate else milliseconds
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Uses one thread, as a data loader's worker does; threads waiting for each other make the tests much slower."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture(params=VIDEO_WAYS)
def way_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    skip_if_missing(name, images=False)
    return name


@pytest.fixture
def decode(way_name: str) -> Decode:
    """Gives every way to decode a video of 64x64 pixels."""
    return way(way_name)


@pytest.fixture(params=IMAGE_WAYS)
def image_way_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    skip_if_missing(name, videos=False)
    return name


@pytest.fixture
def decode_images(image_way_name: str) -> Decode:
    """Gives every way to decode a folder of frames of 64x64 pixels."""
    return way(image_way_name)


@pytest.fixture(scope="session")
def write_video() -> WriteVideo:
    return _write_video


@pytest.fixture(scope="session")
def draw_frame() -> Callable[[int, int], NDArray[np.uint8]]:
    return numbered_frame


def read_numbers(frames: NDArray[np.uint8]) -> list[int]:
    """Reads the numbers that frames F,H,W,3 show."""
    bars = frames[:, BAR // 2 : BAR * BITS : BAR, BAR].mean(axis=-1) > 127
    return [int(sum(bar << bit for bit, bar in enumerate(row))) for row in bars.tolist()]


@pytest.fixture(scope="session")
def frame_numbers() -> Callable[[NDArray[np.uint8]], list[int]]:
    return read_numbers


@pytest.fixture(scope="session")
def decode_in_order() -> Callable[[Path], NDArray[np.uint8]]:
    """Gives the oracle: every frame that PyAV shows when it decodes from the start."""

    def decode(path: Path) -> NDArray[np.uint8]:
        with av.open(str(path)) as container:
            return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])

    return decode


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Makes a folder that every user may enter; pytest's own folders are private to their owner."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def no_root() -> Iterator[None]:
    """Continues the test as the user nobody, because root may read every file."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)
