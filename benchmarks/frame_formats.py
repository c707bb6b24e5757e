"""Writes clips and reads some frames of each, in every format that cache_formats.py compares."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from micacl.data.cache.frame_file import read_frames, write_header

SIZE = 128
JPEG_QUALITY = 90

Frames = NDArray[np.uint8]
Indices = NDArray[np.int64]
# A function that takes clips and the indices of frames in each, and yields each clip's frames.
Read = Callable[[Sequence[int], Sequence[Indices]], Iterator[Frames]]


def lengths_of(folder: Path) -> NDArray[np.int64]:
    """Loads the number of frames of each clip."""
    lengths: NDArray[np.int64] = np.load(folder.parent / "lengths.npy")
    return lengths


class RawFiles:
    """Our format: one .npy per clip, of which only the chosen frames are read."""

    def write(self, folder: Path, clips: Iterator[Frames]) -> None:
        for number, frames in enumerate(clips):
            with (folder / f"{number}.npy").open("wb") as file:
                write_header(file, len(frames), SIZE)
                file.write(frames.data)

    def open(self, folder: Path) -> Read:
        def read(clips: Sequence[int], chosen: Sequence[Indices]) -> Iterator[Frames]:
            for clip, indices in zip(clips, chosen, strict=True):
                yield read_frames(folder / f"{clip}.npy", SIZE, lambda _, indices=indices: indices)  # type: ignore[misc]

        return read


class OneArray:
    """All frames of all clips in one mapped array."""

    def write(self, folder: Path, clips: Iterator[Frames]) -> None:
        with (folder / "frames.bin").open("wb") as file:
            for frames in clips:
                file.write(frames.data)

    def open(self, folder: Path) -> Read:
        lengths = lengths_of(folder)
        starts = np.cumsum(lengths) - lengths
        array = np.memmap(folder / "frames.bin", np.uint8, "r", shape=(int(lengths.sum()), SIZE, SIZE, 3))

        def read(clips: Sequence[int], chosen: Sequence[Indices]) -> Iterator[Frames]:
            for clip, indices in zip(clips, chosen, strict=True):
                yield np.asarray(array[starts[clip] + indices])

        return read


class HDF5:
    """One file with a data set per clip and a chunk per frame."""

    def write(self, folder: Path, clips: Iterator[Frames]) -> None:
        import h5py

        with h5py.File(folder / "clips.h5", "w") as file:
            for number, frames in enumerate(clips):
                file.create_dataset(str(number), data=frames, chunks=(1, SIZE, SIZE, 3))

    def open(self, folder: Path) -> Read:
        import h5py

        file = h5py.File(folder / "clips.h5", "r")

        def read(clips: Sequence[int], chosen: Sequence[Indices]) -> Iterator[Frames]:
            for clip, indices in zip(clips, chosen, strict=True):
                frames = file[str(clip)]
                yield np.stack([frames[index] for index in indices.tolist()])  # a list of indices takes longer

        return read


class Zarr:
    """One uncompressed array per clip with a chunk per frame."""

    def write(self, folder: Path, clips: Iterator[Frames]) -> None:
        import zarr

        group = zarr.open_group(folder / "clips.zarr", mode="w")
        for number, frames in enumerate(clips):
            array = group.create_array(
                str(number), shape=frames.shape, dtype="uint8", chunks=(1, SIZE, SIZE, 3), compressors=None
            )
            array[:] = frames

    def open(self, folder: Path) -> Read:
        import zarr

        group = zarr.open_group(folder / "clips.zarr", mode="r")

        def read(clips: Sequence[int], chosen: Sequence[Indices]) -> Iterator[Frames]:
            for clip, indices in zip(clips, chosen, strict=True):
                yield group[str(clip)].oindex[indices]

        return read


class WebDataset:
    """Tar files of 64 MB with one .npy per clip; whole clips are read in their order."""

    def write(self, folder: Path, clips: Iterator[Frames]) -> None:
        import webdataset

        with webdataset.ShardWriter(f"{folder}/%04d.tar", maxsize=64e6, verbose=0) as writer:
            for number, frames in enumerate(clips):
                writer.write({"__key__": str(number), "npy": frames})

    def open(self, folder: Path) -> Read:
        import webdataset

        shards = [str(path) for path in sorted(folder.glob("*.tar"))]

        def read(clips: Sequence[int], chosen: Sequence[Indices]) -> Iterator[Frames]:
            of_clip = dict(zip(clips, chosen, strict=True))
            for sample in webdataset.WebDataset(shards, shardshuffle=False).decode():
                yield sample["npy"][of_clip[int(sample["__key__"])]]

        return read


class LitData:
    """Chunks of 64 MB; whole clips are read in any order."""

    def write(self, folder: Path, clips: Iterator[Frames]) -> None:
        from litdata.streaming.writer import BinaryWriter

        writer = BinaryWriter(str(folder), chunk_bytes="64MB")
        for number, frames in enumerate(clips):
            writer.add_item(number, {"frames": frames})
        writer.done()
        writer.merge()

    def open(self, folder: Path) -> Read:
        from litdata import StreamingDataset

        dataset: Any = StreamingDataset(str(folder), shuffle=False)

        def read(clips: Sequence[int], chosen: Sequence[Indices]) -> Iterator[Frames]:
            for clip, indices in zip(clips, chosen, strict=True):
                yield np.asarray(dataset[clip]["frames"])[indices]

        return read


def encode_jpeg(frame: Frames) -> bytes:
    """Encodes a frame; OpenCV wants blue first."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return bytes(cv2.imencode(".jpg", frame[..., ::-1], quality)[1].tobytes())


def decode_jpeg(data: Frames) -> Frames:
    """Decodes a frame."""
    frame = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    assert frame is not None
    return frame.astype(np.uint8, copy=False)


class JpegFiles:
    """One file per clip: its frames as JPEGs one after the other, and the position of each."""

    def write(self, folder: Path, clips: Iterator[Frames]) -> None:
        for number, frames in enumerate(clips):
            jpegs = [encode_jpeg(frame) for frame in frames]
            ends = np.cumsum([0, *map(len, jpegs)], dtype=np.int64)
            (folder / f"{number}.jpegs").write_bytes(np.int64(len(jpegs)).tobytes() + ends.tobytes() + b"".join(jpegs))

    def open(self, folder: Path) -> Read:
        def read(clips: Sequence[int], chosen: Sequence[Indices]) -> Iterator[Frames]:
            for clip, indices in zip(clips, chosen, strict=True):
                with (folder / f"{clip}.jpegs").open("rb", buffering=0) as file:
                    count = int(np.frombuffer(file.read(8), np.int64)[0])
                    ends = np.frombuffer(file.read(8 * (count + 1)), np.int64)
                    header = 8 * (count + 2)
                    jpegs = [
                        np.frombuffer(os.pread(file.fileno(), ends[i + 1] - ends[i], header + ends[i]), np.uint8)
                        for i in indices.tolist()
                    ]
                yield np.stack([decode_jpeg(jpeg) for jpeg in jpegs])

        return read


FORMATS: dict[str, Any] = {
    "one raw .npy per clip (ours)": RawFiles(),
    "one mapped array": OneArray(),
    "HDF5": HDF5(),
    "Zarr": Zarr(),
    "WebDataset": WebDataset(),
    "LitData": LitData(),
    f"JPEG {JPEG_QUALITY}, one file per clip": JpegFiles(),
}
