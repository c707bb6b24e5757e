"""Reads clips without decoding them, for a GPU: workers are forked processes, in which CUDA does not run."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from micacl.data.frames.decoding import Readers, decode_frames, is_folder, naming, refuse_mixed_sizes
from micacl.data.frames.frame_folder import frame_files, is_plain_jpeg, open_image
from micacl.data.frames.squares import to_squares
from micacl.data.frames.video_file import index_video
from micacl.data.sampling import Choose
from micacl.data.split import Clip
from micacl.errors import DecodeError

# The bytes are NumPy arrays, not tensors: each tensor that a worker sends takes one of the process's open files.


@dataclass(frozen=True)
class EncodedVideo:
    """Holds a regular video file, as yet encoded.

    Attributes:
        path: The file.
        data: Its bytes, uint8.
        indices: The indices of the frames to decode, never decreasing.
    """

    path: Path
    data: NDArray[np.uint8]
    indices: NDArray[np.int64]


@dataclass(frozen=True)
class EncodedImages:
    """Holds JPEGs of a frame folder, all of one size, as yet encoded.

    Attributes:
        path: The folder.
        names: The names of the files.
        data: The bytes of each file, uint8.
        places: The index, into `names` and `data`, of the file of each chosen frame.
    """

    path: Path
    names: tuple[str, ...]
    data: tuple[NDArray[np.uint8], ...]
    places: NDArray[np.int64]


@dataclass(frozen=True)
class DecodedSquares:
    """Holds a clip that the worker has decoded, because the main process's decoder does not read it.

    Attributes:
        frames: The frames F,S,S,3 in RGB, uint8.
    """

    frames: NDArray[np.uint8]


EncodedClip = EncodedVideo | EncodedImages | DecodedSquares


class EncodedFrames:
    """Reads the bytes of clips that the main process decodes, and decodes the others.

    Args:
        size: S, the height and width of the squares of clips that are decoded here.
        videos: Whether the main process decodes regular video files.
        jpegs: Whether the main process decodes JPEGs.
        readers: The functions that decode the other clips here.
    """

    def __init__(self, size: int, videos: bool, jpegs: bool, readers: Readers) -> None:
        self._size = size
        self._videos = videos
        self._jpegs = jpegs
        self._readers = readers

    def read(self, clip: Clip, choose: Choose) -> EncodedClip:
        """Reads some frames of a clip; see :meth:`micacl.data.frames.source.FrameSource.read`."""
        choose = cache(choose)  # it may draw at random; a clip that is looked at twice is drawn once
        with naming(clip.path):
            encoded = self._images(clip.path, choose) if is_folder(clip.path) else self._video(clip.path, choose)
        if encoded is not None:
            return encoded
        return DecodedSquares(to_squares(decode_frames(clip.path, choose, self._readers), self._size))

    def _video(self, path: Path, choose: Choose) -> EncodedVideo | None:
        if not self._videos:
            return None
        index = index_video(path)
        if not index.regular:
            return None
        return EncodedVideo(path, np.fromfile(path, np.uint8), choose(index.num_frames))

    def _images(self, path: Path, choose: Choose) -> EncodedImages | None:
        if not self._jpegs:
            return None
        files = frame_files(path)
        indices, places = np.unique(choose(len(files)), return_inverse=True)
        chosen = [files[index] for index in indices]
        sizes = []
        for file in chosen:
            try:
                with open_image(file) as image:
                    sizes.append(image.size[::-1])
                    plain = is_plain_jpeg(image)
            except Exception as error:
                raise DecodeError(f"{file.name}: {error}") from error
            if not plain:
                return None
        refuse_mixed_sizes(sizes)
        data = tuple(np.fromfile(file, np.uint8) for file in chosen)
        return EncodedImages(path, tuple(file.name for file in chosen), data, places)
