"""Decodes video files with decord, in the workers. Its packages have no CUDA (dmlc/decord issue 71).

decord 0.6.0 misreads many files that are not regular, and is given none of them (see `video_file`): in a clip cut with
`ffmpeg -c copy`, indices count the hidden frames and the end repeats; in an MPEG-TS the frames before the second key
frame are lost; a damaged frame count aborts the process or hangs it (issue 373); time stamps above 2^31 hang it (pull
request 341). It also refuses some regular files: rows of 16, 24, 48 and 72 pixels, padded, look to it like rows of more
than three colours (issue 336). Those are left to PyAV.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def read_with_decord(path: Path, indices: NDArray[np.int64]) -> list[NDArray[np.uint8]] | None:
    """Decodes frames of a regular video file.

    Args:
        path: The file.
        indices: The indices of the frames, never decreasing.

    Returns:
        The frames, each H,W,3 in RGB; None if decord refuses the file. PyAV reads it then, or says what is damaged.
    """
    # Imported here, because CUDA crashes in a process that loads decord before it (dmlc/decord issues 293 and 324).
    import decord

    decord.logging.set_level(decord.logging.QUIET)
    try:
        reader = decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=1)
        return list(reader.get_batch(indices).asnumpy())
    except decord.DECORDError:
        return None


def decord_problem() -> str:
    """Says why decord does not work here; "" if it does."""
    from importlib.util import find_spec

    # Not imported: a GPU may be in use later.
    return "" if find_spec("decord") else "the package decord is not installed: pip install decord"
