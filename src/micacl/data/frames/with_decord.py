"""decord: video files, in the workers. Its packages have no CUDA (dmlc/decord issue 71)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from micacl.data.frames.video_file import DAMAGED
from micacl.errors import DecodeError


def read_with_decord(path: Path, indices: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
    """Read frames of a regular video file.

    Args:
        path: The file.
        indices: Which frames, never decreasing.

    Returns:
        The frames, each H,W,3 in RGB.

    Raises:
        DecodeError: If they are damaged.
    """
    # Imported here, because CUDA crashes in a process that loads decord before it (dmlc/decord issues 293 and 324).
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    try:
        reader = decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=1)
        return list(reader.get_batch(indices).asnumpy())
    except decord.DECORDError as error:
        raise DecodeError(DAMAGED) from error


def decord_problem() -> str:
    """Why it does not work here; "" if it does."""
    from importlib.util import find_spec

    # Not imported: a GPU may be in use later.
    return "" if find_spec("decord") else "the package decord is not installed: pip install decord"
