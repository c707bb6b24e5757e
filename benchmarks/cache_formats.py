"""Compares formats for the cache of decoded frames: reads 16 random frames of each clip, without reading the rest.

    python -m pip install h5py zarr webdataset litdata    (formats that are not installed are left out)
    python benchmarks/cache_formats.py                    150 clips; 5 GB of disk while it runs, ten minutes and more

Each format holds the same clips with DFEW's lengths at 128x128. The formats take turns, so that a slow minute of the
machine slows all of them, and medians are compared. "Cold" is after telling the kernel to forget the files' pages
(posix_fadvise); the disk's own cache, or a virtual machine's host, may still have them. "Warm" is after reading all
files once. WebDataset has no random access: its clips come in the order of its tar files.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from dfew_shape import draw_faces, draw_length
from frame_formats import FORMATS, SIZE, Frames, Read, lengths_of
from numpy.typing import NDArray

from micacl.process.setup import keep_freed_memory

NUM_FRAMES = 16
# The number of clips in the lists, and of frames in a clip (DFEW's mean, FERV39k's median).
DATA_SETS = {"DFEW": (16_372, 77), "FERV39k": (38_935, 28)}


def draw_clips(num_clips: int) -> Iterator[Frames]:
    """Draws clips of faces with grain, shape (F, 128, 128, 3) each."""
    faces = draw_faces(SIZE)
    for number in range(num_clips):
        generator = np.random.default_rng(number)
        length = draw_length(generator)
        first = int(generator.integers(len(faces)))
        chosen = faces[(first + np.arange(length)) % len(faces)]
        grain = generator.integers(-5, 6, chosen.shape, dtype=np.int8)
        yield np.clip(chosen.astype(np.int16) + grain, 0, 255).astype(np.uint8)


def write_all(folder: Path, num_clips: int) -> dict[str, Path]:
    """Writes the clips in each format and returns the folders; formats without their package are named and left out."""
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
    """Tells the kernel to drop the files' pages."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def remember(folder: Path) -> None:
    """Reads all files, so that the kernel keeps their pages; a pass of the benchmark reads only some of them."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.read_bytes()


def one_pass(read: Read, lengths: NDArray[np.int64], generator: np.random.Generator) -> float:
    """Reads every clip once, in random order, and returns the clips per second."""
    clips = generator.permutation(len(lengths)).tolist()
    segment = np.arange(NUM_FRAMES)
    chosen = [
        ((segment + generator.random(NUM_FRAMES)) * lengths[clip] / NUM_FRAMES).astype(np.int64) for clip in clips
    ]
    start = time.perf_counter()
    count = sum(1 for frames in read(clips, chosen) if frames.sum(dtype=np.int64) > 0)  # touches every byte
    assert count == len(clips)
    return count / (time.perf_counter() - start)


def check(folders: dict[str, Path], lengths: NDArray[np.int64]) -> None:
    """Checks that every format returns the frames that were written."""
    indices = [np.sort(np.random.default_rng(clip).integers(0, lengths[clip], NUM_FRAMES)) for clip in range(4)]
    first = [frames[chosen] for frames, chosen in zip(draw_clips(4), indices, strict=True)]
    every = [*indices, *(np.zeros(NUM_FRAMES, np.int64) for _ in lengths[4:])]
    for name, folder in folders.items():
        read = FORMATS[name].open(folder)(range(len(lengths)), every)
        for expected, frames in zip(first, read, strict=False):
            difference = abs(frames.astype(int) - expected).mean()
            assert difference < 5 if "JPEG" in name else difference == 0, (name, difference)


def peak_memory(name: str, folder: Path) -> float:
    """Measures by how many MiB one pass raises the peak memory of a process; pages of mapped files count."""
    done = subprocess.run(
        [sys.executable, __file__, "--peak", name, "--folder", str(folder)], capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def print_peak(name: str, folder: Path) -> None:
    """Does one pass and prints the rise of the peak memory; `peak_memory` starts it in a process of its own."""
    read = FORMATS[name].open(folder)
    before = peak_of_this_process()
    one_pass(read, lengths_of(folder), np.random.default_rng(0))
    print(peak_of_this_process() - before)


def peak_of_this_process() -> float:
    """Returns the peak memory in MiB; getrusage would begin with the parent's peak."""
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
            remember(place)
            warm[name].append(one_pass(read, lengths, generator))
    print(
        f"{cpu_name()}, load {os.getloadavg()[0]:.1f}; {num_clips} clips, {lengths.sum()} frames; {repeats} repeats\n"
    )
    print(
        "| format | cold, clips/s | warm, clips/s | warm, of ours | kB per frame | DFEW, GB | FERV39k, GB | peak, MiB |"
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
    """Returns the CPU's name as the system gives it."""
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
    keep_freed_memory()  # as training does: new pages for each clip take longer than reading it
    if arguments.peak:
        print_peak(arguments.peak, arguments.folder)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        report(Path(temporary), arguments.clips, arguments.repeats)


if __name__ == "__main__":
    main()
