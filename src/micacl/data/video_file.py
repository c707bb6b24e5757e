"""Reads chosen frames of a video file.

decord reads the files that it reads rightly. On some others decord 0.6 returns the wrong frames, aborts the process or
never returns, so each file's packets are looked at first (not decoded: half a millisecond), and PyAV reads those files
from their start. Seen with decord 0.6.0: in a clip cut with `ffmpeg -c copy`, whose edit list hides the frames before
the cut, indices count the hidden frames, and the end repeats; in an MPEG-TS the frames before the second key frame are
lost; a damaged frame count aborts the process (bad_alloc). Reported to it: time stamps above 2^31 hang get_batch
(dmlc/decord pull request 341), as do frame counts above the number of frames (issue 373).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from micacl.errors import DecodeError

Choose = Callable[[int], NDArray[np.int64]]

# decord keeps time stamps in 32 bits.
MAX_TIME_STAMP = 2**31 - 1


@dataclass(frozen=True)
class VideoIndex:
    """What the packets of a video file say.

    Attributes:
        num_frames: frames that are shown.
        regular: decord reads the file rightly.
    """

    num_frames: int
    regular: bool


def read_video(path: Path, choose: Choose) -> list[NDArray[np.uint8]]:
    """Read the chosen frames.

    Args:
        path: a video file.
        choose: is told how many frames are shown, and returns the indices of those to read, never decreasing.

    Returns:
        The frames, each H,W,3 in RGB.

    Raises:
        DecodeError: there is no video stream, or it has no frames.
        Exception: whatever the decoder raises at a damaged file.
    """
    index = index_video(path)
    if index.regular:
        return _read_with_decord(path, choose(index.num_frames))
    return _read_with_pyav(path, choose, index.num_frames)


def index_video(path: Path) -> VideoIndex:
    """Look at a video file's packets, without decoding them.

    Args:
        path: a video file.

    Returns:
        What they say.

    Raises:
        DecodeError: there is no video stream, or it has no frames.
        av.FFmpegError: the file is damaged or no video.
    """
    with av.open(str(path)) as container:
        stream = _video_stream(container)
        # The last packet is empty: it tells the decoder that there is no more.
        packets = [packet for packet in container.demux(stream) if packet.size]
        shown = [packet.pts for packet in packets if not packet.is_discard]
        if not shown:
            raise DecodeError("it has no frames")
        stamps = {stamp for stamp in shown if stamp is not None and abs(stamp) <= MAX_TIME_STAMP}
        regular = (
            packets[0].is_keyframe
            # No frame is hidden or missing, and each has a time stamp of its own.
            and len(stamps) == len(packets) == stream.frames
        )
    return VideoIndex(len(shown), regular)


def _video_stream(container: InputContainer) -> VideoStream:
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        raise DecodeError("it has no video stream")
    return stream


def _read_with_decord(path: Path, indices: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
    # Imported here, because CUDA crashes in a process that loads decord before it (dmlc/decord issues 293 and 324).
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    try:
        reader = decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=1)
        return list(reader.get_batch(indices).asnumpy())
    except decord.DECORDError as error:
        # Its own message is a line of its C++ source.
        raise DecodeError("its frames are damaged") from error


def _read_with_pyav(path: Path, choose: Choose, num_frames: int) -> list[NDArray[np.uint8]]:
    """Decode from the start; only the chosen frames are converted to RGB."""
    chosen = choose(num_frames).tolist()
    frames: dict[int, NDArray[np.uint8]] = {}
    decoded = 0
    with av.open(str(path)) as container:
        stream = _video_stream(container)
        stream.codec_context.thread_count = 1
        # One for all frames: setting up the conversion takes longer than converting.
        reformatter = VideoReformatter()
        for position, frame in enumerate(container.decode(stream)):
            if position in chosen:
                picture = reformatter.reformat(frame, format="rgb24").to_ndarray()
                frames[position] = np.rot90(picture, frame.rotation // 90)
            decoded = position + 1
            if position == chosen[-1]:
                break
    if chosen[-1] < decoded:
        return [frames[position] for position in chosen]
    if decoded == 0:
        raise DecodeError("none of its frames can be decoded")
    # Some packets give no frame, such as those that lean on frames before a cut; choose among what there is.
    return _read_with_pyav(path, choose, decoded)
