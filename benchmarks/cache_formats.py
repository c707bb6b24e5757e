"""Formats for the cache of decoded frames: 16 random frames of a clip, clip after clip, without reading the rest.

    python -m pip install h5py zarr webdataset litdata    (what is not installed is left out)
    python benchmarks/cache_formats.py                    150 clips; 5 GB of disk while it runs, ten minutes and more

Each format holds the same clips of DFEW's lengths at 128x128. The formats take turns, so that a slow minute of the
machine hits all of them, and medians are compared. "Cold" is after telling the kernel to forget the files' pages
(posix_fadvise); the disk's own cache, or a virtual machine's host, may still have them. WebDataset has no random
access: its clips come in the order of its tar files.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from micacl.data.cache.frame_file import read_frames, write_header
from micacl.data.synthetic.plan import plan_clips
from micacl.data.synthetic.recipe import Recipe
from micacl.data.synthetic.render import render_clip

NUM_FRAMES, SIZE = 16, 128
# DFEW: 11 to 847 frames, median 70, mean 77, 95th percentile 155.
MEDIAN_LENGTH, LENGTH_SPREAD, SHORTEST, LONGEST = 70, 0.45, 11, 847
# Clips in the lists, and frames of one: DFEW's mean, FERV39k's median.
DATA_SETS = {"DFEW": (16_372, 77), "FERV39k": (38_935, 28)}
JPEG_QUALITY = 90

Frames = NDArray[np.uint8]
Indices = NDArray[np.int64]
# A way to read: given clips and frames of each, yields each clip's frames.
Read = Callable[[Sequence[int], Sequence[Indices]], Iterator[Frames]]


def draw_clips(num_clips: int) -> Iterator[Frames]:
    """Faces with grain, F,128,128,3 each."""
    recipe = Recipe(num_clips=175, num_subjects=35, frame_size=SIZE)
    plan = plan_clips(recipe)
    faces = np.concatenate([render_clip(recipe, clip) for clip in plan[:: len(plan) // 8]])
    for number in range(num_clips):
        generator = np.random.default_rng(number)
        length = int(np.clip(MEDIAN_LENGTH * np.exp(LENGTH_SPREAD * generator.normal()), SHORTEST, LONGEST))
        first = int(generator.integers(len(faces)))
        chosen = faces[(first + np.arange(length)) % len(faces)]
        grain = generator.integers(-5, 6, chosen.shape, dtype=np.int8)
        yield np.clip(chosen.astype(np.int16) + grain, 0, 255).astype(np.uint8)


def lengths_of(folder: Path) -> NDArray[np.int64]:
    """Frames of each clip."""
    lengths: NDArray[np.int64] = np.load(folder.parent / "lengths.npy")
    return lengths


class RawFiles:
    """Ours: one .npy a clip, of which only the chosen frames are read."""

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
    """One file, a data set for each clip, a chunk for each frame."""

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
    """One array for each clip, a chunk for each frame, not compressed."""

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
    """Tar files of 64 MB in which a clip is an .npy; in their order, whole clips."""

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
    """Chunks of 64 MB; random access, whole clips."""

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
    """A frame's bytes; OpenCV has blue first."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return bytes(cv2.imencode(".jpg", frame[..., ::-1], quality)[1].tobytes())


def decode_jpeg(data: Frames) -> Frames:
    """The frame again."""
    frame = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    assert frame is not None
    return frame.astype(np.uint8, copy=False)


class JpegFiles:
    """One file a clip: its frames as JPEGs one after the other, and where each begins."""

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
    "raw .npy a clip (ours)": RawFiles(),
    "one mapped array": OneArray(),
    "HDF5": HDF5(),
    "Zarr": Zarr(),
    "WebDataset": WebDataset(),
    "LitData": LitData(),
    f"JPEG {JPEG_QUALITY}, a file a clip": JpegFiles(),
}


def write_all(folder: Path, num_clips: int) -> dict[str, Path]:
    """Each format's folder; those whose package is missing are left out and named."""
    lengths = [len(frames) for frames in draw_clips(num_clips)]
    np.save(folder / "lengths.npy", lengths)
    written = {}
    for number, (name, format_) in enumerate(FORMATS.items()):
        place = folder / str(number)
        place.mkdir()
        try:
            format_.write(place, draw_clips(num_clips))
        except ImportError as error:
            print(f"{name}: left out, {error}")
            continue
        written[name] = place
    os.sync()
    return written


def forget(folder: Path) -> None:
    """Let the kernel drop the files' pages."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def one_pass(read: Read, lengths: NDArray[np.int64], generator: np.random.Generator) -> float:
    """Clips a second; every clip once, in random order."""
    clips = generator.permutation(len(lengths)).tolist()
    segment = np.arange(NUM_FRAMES)
    chosen = [
        ((segment + generator.random(NUM_FRAMES)) * lengths[clip] / NUM_FRAMES).astype(np.int64) for clip in clips
    ]
    start = time.perf_counter()
    count = sum(1 for frames in read(clips, chosen) if frames.sum(dtype=np.int64) > 0)  # every byte is looked at
    assert count == len(clips)
    return count / (time.perf_counter() - start)


def check(folders: dict[str, Path], lengths: NDArray[np.int64]) -> None:
    """Every format gives back the frames that went in."""
    indices = [np.sort(np.random.default_rng(clip).integers(0, lengths[clip], NUM_FRAMES)) for clip in range(4)]
    first = [frames[chosen] for frames, chosen in zip(draw_clips(4), indices, strict=True)]
    every = [*indices, *(np.zeros(NUM_FRAMES, np.int64) for _ in lengths[4:])]
    for name, folder in folders.items():
        read = FORMATS[name].open(folder)(range(len(lengths)), every)
        for expected, frames in zip(first, read, strict=False):
            difference = abs(frames.astype(int) - expected).mean()
            assert difference < 5 if "JPEG" in name else difference == 0, (name, difference)


def peak_memory(name: str, folder: Path) -> float:
    """MiB by which one pass in a process of its own raises its peak; pages of mapped files count."""
    done = subprocess.run(
        [sys.executable, __file__, "--peak", name, "--folder", str(folder)], capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def print_peak(name: str, folder: Path) -> None:
    """The child's part of `peak_memory`."""
    read = FORMATS[name].open(folder)
    before = peak_of_this_process()
    one_pass(read, lengths_of(folder), np.random.default_rng(0))
    print(peak_of_this_process() - before)


def peak_of_this_process() -> float:
    """MiB; what getrusage says begins with the parent's peak."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def report(folder: Path, num_clips: int, repeats: int) -> None:
    """Measures and prints the table."""
    folders = write_all(folder, num_clips)
    lengths: NDArray[np.int64] = np.load(folder / "lengths.npy")
    check(folders, lengths)
    cold: dict[str, list[float]] = {name: [] for name in folders}
    warm: dict[str, list[float]] = {name: [] for name in folders}
    for repeat in range(repeats):
        generator = np.random.default_rng(repeat)
        for name, place in folders.items():
            read = FORMATS[name].open(place)
            forget(place)
            cold[name].append(one_pass(read, lengths, generator))
            one_pass(read, lengths, generator)
            warm[name].append(one_pass(read, lengths, generator))
    print(
        f"{cpu_name()}, load {os.getloadavg()[0]:.1f}; {num_clips} clips, {lengths.sum()} frames; {repeats} repeats\n"
    )
    print(
        "| format | cold, clips/s | warm, clips/s | warm, of ours | kB a frame | DFEW, GB | FERV39k, GB | peak, MiB |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    ours = statistics.median(warm[next(iter(folders))])
    for name, place in folders.items():
        on_disk = sum(path.stat().st_blocks * 512 for path in place.rglob("*"))
        frame = on_disk / lengths.sum()
        sizes = [f"{frame * clips * frames / 1e9:.1f}" for clips, frames in DATA_SETS.values()]
        speed = statistics.median(warm[name])
        print(
            f"| {name} | {statistics.median(cold[name]):.0f} | {speed:.0f} | {speed / ours:.2f} | {frame / 1e3:.1f} | "
            f"{sizes[0]} | {sizes[1]} | {peak_memory(name, place):.0f} |"
        )


def cpu_name() -> str:
    """As the system calls it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")


def main() -> None:
    """Writes the formats, measures, and deletes them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder by default")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    if arguments.peak:
        print_peak(arguments.peak, arguments.folder)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        report(Path(temporary), arguments.clips, arguments.repeats)


if __name__ == "__main__":
    main()
