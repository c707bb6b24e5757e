"""Reads the frames of a video file with PyAV, in order from the start.

Every other decoder is checked against what PyAV gives in this order. The others seek, and seeking by a frame's index is
only safe in a *regular* file: one that counts its frames, hides none of them, and gives each a time stamp of its own.
`index_video` recognises regular files by their packets (not decoded: a millisecond); all other files are read here,
whatever the backend. torchcodec 0.17.0, for one, raises errors on MPEG-TS, on AVI with B-frames and on a start between
two key frames, and misses the last frames of an MP4 with time stamps above 2^31.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from micacl.data.frames.frame_folder import TOO_LARGE, is_huge
from micacl.data.sampling import Choose
from micacl.errors import DecodeError

# Reads frames of a regular file by their indices, never decreasing; None says that PyAV must read this file.
SeekingReader = Callable[[Path, NDArray[np.int64]], list[NDArray[np.uint8]] | None]

# The message for every decoder's error: their own messages quote lines of their source.
DAMAGED = "its frames are damaged"
# Larger ones overflow: torchcodec 0.17.0 with FFmpeg 5.1 misses the last frames of such an MP4.
MAX_TIME_STAMP = 2**31 - 1
# Decoders agree on the colours of these at even sizes; at odd sizes or 10 bits they round differently.
ORDINARY_PIXELS = ("yuv420p", "yuvj420p")


@dataclass(frozen=True)
class VideoIndex:
    """Describes a video file by its packets.

    Attributes:
        num_frames: The number of frames that are shown.
        regular: Whether decoders that seek can be trusted with the file.
    """

    num_frames: int
    regular: bool


def read_video(path: Path, choose: Choose, read_regular: SeekingReader | None) -> list[NDArray[np.uint8]]:
    """Reads the chosen frames.

    Args:
        path: A video file.
        choose: Chooses the frames to read among those that are shown.
        read_regular: Reads regular files; None leaves them to PyAV too.

    Returns:
        The frames, each H,W,3 in RGB.

    Raises:
        DecodeError: If there is no video stream, or it has no frames or damaged ones.
        av.FFmpegError: If the file is damaged, or is no video.
    """
    choose = cache(choose)  # it may draw at random; a file that two decoders look at is drawn once
    index = index_video(path)
    if read_regular is not None and index.regular:
        frames = read_regular(path, choose(index.num_frames))
        if frames is not None:
            return frames
    return _read_in_order(path, choose, index.num_frames)


def every_video_frame(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Decodes all frames from the first to the last, one at a time.

    Yields:
        The next frame, H,W,3 in RGB.

    Raises:
        DecodeError: If there is no video stream, or it has no frames or damaged ones.
        av.FFmpegError: If the file is damaged, or is no video.
    """
    to_rgb = _Colors()
    frame = None
    for frame in _decode(path):
        yield to_rgb(frame)
    if frame is None:
        raise DecodeError("none of its frames can be decoded")


def index_video(path: Path) -> VideoIndex:
    """Reads a video file's packets, without decoding them.

    Args:
        path: A video file.

    Returns:
        The number of frames, and whether the file is regular.

    Raises:
        DecodeError: If there is no video stream, or it has no frames or too large ones.
        av.FFmpegError: If the file is damaged, or is no video.
    """
    with av.open(str(path)) as container:
        stream = _video_stream(container)
        ordinary = stream.pix_fmt in ORDINARY_PIXELS and stream.width % 2 == stream.height % 2 == 0
        # The last packet is empty: it tells the decoder that there are no more. The packets themselves are not kept:
        # together they are the file.
        packets = [
            (packet.pts, packet.is_keyframe, packet.is_discard) for packet in container.demux(stream) if packet.size
        ]
        shown = [stamp for stamp, _, hidden in packets if not hidden]
        if not shown:
            raise DecodeError("it has no frames")
        stamps = {stamp for stamp in shown if stamp is not None and abs(stamp) <= MAX_TIME_STAMP}
        starts_whole = packets[0][1]
        # No frame is hidden or missing, and each has a time stamp of its own.
        complete = len(stamps) == len(packets) == stream.frames
    return VideoIndex(len(shown), ordinary and starts_whole and complete)


def _video_stream(container: InputContainer) -> VideoStream:
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        raise DecodeError("it has no video stream")
    if is_huge(stream.width, stream.height):
        raise DecodeError(TOO_LARGE)
    return stream


def _decode(path: Path) -> Iterator[VideoFrame]:
    with av.open(str(path)) as container:
        stream = _video_stream(container)
        stream.codec_context.thread_count = 1
        try:
            yield from container.decode(stream)
        except av.FFmpegError as error:
            raise DecodeError(DAMAGED) from error


class _Colors:
    """Turns decoded frames into upright RGB; one for all, because setting it up takes longer than converting."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> NDArray[np.uint8]:
        # One thread: waking others takes longer than a small frame, and there is a process for each core already.
        picture = self._reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        return np.rot90(picture, frame.rotation // 90)


def _read_in_order(path: Path, choose: Choose, num_frames: int) -> list[NDArray[np.uint8]]:
    """Decodes from the start; only the chosen frames are converted to RGB."""
    indices = choose(num_frames).tolist()
    wanted, last = set(indices), indices[-1]
    to_rgb = _Colors()
    frames: dict[int, NDArray[np.uint8]] = {}
    decoded = 0
    for position, frame in enumerate(_decode(path)):
        if position in wanted:
            frames[position] = to_rgb(frame)
        decoded = position + 1
        if position == last:
            return [frames[index] for index in indices]
    if decoded == 0:
        raise DecodeError("none of its frames can be decoded")
    # Some packets give no frame, such as those that depend on frames before a cut; choose among what there is.
    return _read_in_order(path, choose, decoded)
