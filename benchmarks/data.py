"""Speed and memory of loading clips: what public code does against ours, from frame folders, mp4 and the cache.

    python benchmarks/data.py                       2,000 clips, 2 workers; 3 GB of disk, a quarter of an hour
    python benchmarks/data.py --clips 200           a short look

It makes a data set of DFEW's shape (clips of about 77 frames, 224x224 JPEG), then times each way in turns, so that a
slow minute of the machine hits all of them, and compares the medians. Every way gives batches of 16 frames at 112x112
with random resized crop, flip and colour jitter. The pictures are the built-in faces, enlarged, with grain: a JPEG of
one takes about as many bytes as one of a film.
"""

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
import torch
import torchvision
from dfew_shape import draw_faces, draw_length
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torchvision.transforms import ColorJitter, RandomResizedCrop
from torchvision.transforms import functional as pil_functional

from micacl.data.augmentation import TrainingAugmentation, normalize
from micacl.data.cache.build import build
from micacl.data.cache.layout import CacheKey
from micacl.data.cache.source import CachedFrames
from micacl.data.dataset import TrainingDataset
from micacl.data.frames.source import DecodedFrames, FrameSource
from micacl.data.loader import ClipLoader
from micacl.data.split import Clip
from micacl.losses import CrossEntropyLoss
from micacl.models import MICACL
from micacl.process.setup import keep_freed_memory

NUM_FRAMES, SIZE, FRAME_SIZE, CACHE_SIZE = 16, 112, 224, 128
WORKERS = 2
# The paper's batch for loading, fewer clips for the training step that only measures how long it waits.
BATCH, STEP_BATCH = 32, 8
CROP_SCALE, JITTER = (0.08, 1.0), 0.4


def write_clip(faces_file: Path, folder: Path, number: int) -> None:
    """One clip as a folder of JPEGs and as an mp4."""
    cv2.setNumThreads(0)
    faces = np.load(faces_file, mmap_mode="r")
    generator = np.random.default_rng(number)
    length = draw_length(generator)
    first = int(generator.integers(len(faces)))
    grain = generator.integers(-8, 9, (FRAME_SIZE + 32, FRAME_SIZE + 32, 3), dtype=np.int16)
    frames = folder / "frames" / f"{number:05d}"
    frames.mkdir(parents=True)
    (folder / "videos").mkdir(exist_ok=True)
    with av.open(str(folder / "videos" / f"{number:05d}.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25), options={"preset": "ultrafast", "threads": "1"})
        stream.width = stream.height = FRAME_SIZE
        stream.pix_fmt = "yuv420p"
        for index in range(length):
            y, x = generator.integers(0, 32, 2)
            picture = faces[(first + index) % len(faces)] + grain[y : y + FRAME_SIZE, x : x + FRAME_SIZE]
            frame = np.clip(picture, 0, 255).astype(np.uint8)
            jpeg = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
            (frames / f"{number:05d}_{index + 1:05d}.jpg").write_bytes(jpeg.tobytes())
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def make_set(folder: Path, num_clips: int) -> None:
    """The whole data set."""
    np.save(folder / "faces.npy", draw_faces(FRAME_SIZE))
    with ProcessPoolExecutor(WORKERS) as pool:
        list(pool.map(partial(write_clip, folder / "faces.npy", folder), range(num_clips), chunksize=16))


class PublicCode(Dataset[Tensor]):
    """The usual way: each frame opened with Pillow, changed as a Pillow image, stacked as floats."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders
        self.jitter = ColorJitter(JITTER, JITTER, JITTER)

    def __len__(self) -> int:
        return len(self.folders)

    def __getitem__(self, index: int) -> Tensor:
        files = sorted(self.folders[index].glob("*.jpg"))
        chosen = [files[int(len(files) * (i + np.random.rand()) / NUM_FRAMES)] for i in range(NUM_FRAMES)]
        images = [Image.open(file).convert("RGB") for file in chosen]
        box = RandomResizedCrop.get_params(images[0], list(CROP_SCALE), [3 / 4, 4 / 3])
        images = [pil_functional.resized_crop(image, *box, [SIZE, SIZE]) for image in images]
        if np.random.rand() < 0.5:
            images = [pil_functional.hflip(image) for image in images]
        order, brightness, contrast, saturation, _ = ColorJitter.get_params(
            self.jitter.brightness, self.jitter.contrast, self.jitter.saturation, None
        )
        factors = (brightness, contrast, saturation)
        changes = (
            pil_functional.adjust_brightness,
            pil_functional.adjust_contrast,
            pil_functional.adjust_saturation,
        )
        for change in order.tolist():
            if change < len(changes):
                images = [changes[change](image, factors[change]) for image in images]
        return torch.stack([pil_functional.to_tensor(image) for image in images], dim=1)


def public(folders: Sequence[Path]) -> DataLoader[Tensor]:
    """Shuffled batches from two workers that live on."""
    return DataLoader(
        PublicCode(folders), BATCH, shuffle=True, num_workers=WORKERS, persistent_workers=True, drop_last=True
    )


def ours(clips: Sequence[Clip], source: FrameSource, batch_size: int = BATCH) -> ClipLoader:
    """The same from our training set, by our loader."""
    dataset = TrainingDataset(clips, source, NUM_FRAMES, SIZE, TrainingAugmentation(CROP_SCALE, JITTER), seed=0)
    return ClipLoader(
        dataset,
        RandomSampler(dataset),
        batch_size,
        (NUM_FRAMES, SIZE, SIZE, 3),
        num_workers=WORKERS,
        persistent_workers=True,
        pin_memory=False,
        drop_last=True,
    )


class Endless:
    """A loader's batches, epoch after epoch."""

    def __init__(self, batches: Iterable[object]) -> None:
        self.batches = batches
        self.iterator = iter(batches)

    def __next__(self) -> object:
        try:
            return next(self.iterator)
        except StopIteration:
            self.iterator = iter(self.batches)
            return next(self.iterator)


def clips_per_second(endless: Endless, num_batches: int) -> float:
    """Clips of some batches in a row, after two that fill the workers' queues."""
    for _ in range(2 * WORKERS):
        next(endless)
    start = time.perf_counter()
    for _ in range(num_batches):
        next(endless)
    return num_batches * BATCH / (time.perf_counter() - start)


def measure_speed(loaders: Mapping[str, Callable[[], Iterable[object]]], repeats: int) -> dict[str, float]:
    """Median clips per second of each loader; the others' workers are stopped meanwhile."""
    found: dict[str, list[float]] = {name: [] for name in loaders}
    for _ in range(repeats):
        for name, make in loaders.items():
            endless = Endless(make())
            next(endless)
            slow = clips_per_second(endless, 4)
            found[name].append(clips_per_second(endless, max(4, int(4 * slow / BATCH))))
            del endless
    return {name: statistics.median(values) for name, values in found.items()}


def memory_of_workers() -> float:
    """MiB that this process's children alone hold (their private pages), without the pages of files they map."""
    return sum(child.memory_full_info().uss for child in psutil.Process().children(recursive=True)) / 2**20


def measure_memory(make: Callable[[], Iterable[object]], epochs: int) -> Iterator[float]:
    """Private memory of the workers after each epoch."""
    batches = make()
    for _ in range(epochs):
        for _ in batches:
            pass
        yield memory_of_workers()


def measure_wait(make: Callable[[], Iterable[object]], steps: int) -> tuple[float, float]:
    """Share of the time that training steps wait for clips, and seconds of a step."""
    network, loss = MICACL(7).to(memory_format=torch.channels_last_3d), CrossEntropyLoss()
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    endless = Endless(make())
    waits, works = [], []
    for _ in range(steps + 1):
        begin = time.perf_counter()
        batch = next(endless)
        ready = time.perf_counter()
        assert isinstance(batch, dict)
        output = network(normalize(batch["clip"]))
        optimizer.zero_grad()
        loss(*output, batch["label"], network.head)["total"].backward()
        optimizer.step()
        waits.append(ready - begin)
        works.append(time.perf_counter() - ready)
    return sum(waits[1:]) / (sum(waits[1:]) + sum(works[1:])), statistics.median(works[1:])


def main() -> None:
    """Makes the set, measures, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6, help="training steps for the share of waiting")
    parser.add_argument("--folder", type=Path, help="keep the data set here, and use it again")
    arguments = parser.parse_args()
    keep_freed_memory()  # as training does
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if len(list(folder.glob("videos/*.mp4"))) != arguments.clips:
            make_set(folder, arguments.clips)
        report(folder, arguments.clips, arguments.repeats, arguments.steps)


def report(folder: Path, num_clips: int, repeats: int, steps: int) -> None:
    """Measures and prints."""
    names = [f"{number:05d}" for number in range(num_clips)]
    folders = [Clip(name, folder / "frames" / name, 0) for name in names]
    videos = [Clip(name, folder / "videos" / f"{name}.mp4", 0) for name in names]
    key = CacheKey("benchmark", "", CACHE_SIZE, "all")
    start = time.perf_counter()
    facts = build(folders, folder / "cache", key, WORKERS)
    seconds = time.perf_counter() - start
    num_frames = sum(fact.num_frames for fact in facts.values())
    cached = CachedFrames(folder / "cache" / key.folder_name, CACHE_SIZE)
    stored = sum(file.stat().st_size for file in (folder / "cache").rglob("*.npy"))
    jpegs = sum(file.stat().st_size for file in (folder / "frames").rglob("*.jpg"))
    print(
        f"{platform.machine()} CPU, {torch.get_num_threads()} threads, {WORKERS} workers; torch {torch.__version__}, "
        f"torchvision {torchvision.__version__}"
    )
    print(
        f"{num_clips} clips, {num_frames} frames of {FRAME_SIZE}x{FRAME_SIZE}: JPEG {jpegs / 1e9:.2f} GB "
        f"({jpegs / num_frames / 1e3:.1f} kB a frame), cache {stored / 1e9:.2f} GB ({CACHE_SIZE}x{CACHE_SIZE})"
    )
    print(f"taking all clips into the cache: {seconds:.0f} s, {num_clips / seconds:.0f} clips a second\n")
    ways = {
        "Pillow, frame by frame (public code)": lambda: public([clip.path for clip in folders]),
        "ours, frame folders": lambda: ours(folders, DecodedFrames(CACHE_SIZE)),
        "ours, mp4": lambda: ours(videos, DecodedFrames(CACHE_SIZE)),
        "ours, cache": lambda: ours(folders, cached),
    }
    speeds = measure_speed(ways, repeats)
    print(f"| way | clips a second | against public code |\n| --- | --- | --- |  medians of {repeats}")
    baseline = next(iter(speeds.values()))
    for name, speed in speeds.items():
        print(f"| {name} | {speed:.1f} | {speed / baseline:.2f} |")
    few = list(measure_memory(lambda: ours(folders[: num_clips // 4], cached), 1))[-1]
    many = list(measure_memory(lambda: ours(folders, cached), 10))
    print(
        f"\nprivate memory of the workers, cache: {few:.0f} MiB with {num_clips // 4} clips; with {num_clips} clips "
        f"{many[0]:.0f} MiB after 1 epoch, {many[-1]:.0f} MiB after 10"
    )
    wait, work = measure_wait(lambda: ours(folders, cached, STEP_BATCH), steps)
    print(f"a training step of {STEP_BATCH} clips takes {work:.2f} s and waits for the cache {wait:.2%} of the time")


if __name__ == "__main__":
    main()
