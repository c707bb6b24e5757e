"""Writes frames as an H.264 .mp4 file."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from micacl.data.synthetic.recipe import FRAMES_PER_SECOND

# The same frames must give the same bytes. x264's lookahead chooses rate control and B-frames differently from run to
# run on frames this small, so it gets no choice: one thread, a constant quantiser, and IBBPBBP throughout.
X264_OPTIONS = {"preset": "faster", "qp": "22", "bf": "2", "b_strategy": "0", "sc_threshold": "0", "threads": "1"}


def write_mp4(path: Path, frames: npt.NDArray[np.uint8]) -> None:
    """Encodes one clip as H.264 with B-frames, 4:2:0, at `FRAMES_PER_SECOND`.

    Args:
        path: The file to write; its folder must exist.
        frames: The RGB frames, shape (T, H, W, 3), H and W even.

    Raises:
        OSError: If the file cannot be written, for example because the disk is full.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FRAMES_PER_SECOND), options=X264_OPTIONS)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
