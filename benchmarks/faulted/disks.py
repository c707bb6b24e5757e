"""Makes disks full or read-only, by mounting small file systems in memory, which needs the right to mount."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from faulted.bench import Bench, Row, last_line


class MountError(Exception):
    """An error that says that this process may not mount file systems."""


def full_at_a_checkpoint(bench: Bench) -> Row:
    """Gives the run folder's disk room for two checkpoints, but not for the third, which is written beside them."""
    folder = bench.folder("full-checkpoint")
    with _small_disk(folder, "110m"):
        seen = last_line(bench.run(folder))
        _mount("-o", "remount,size=1g", str(folder))
        return bench.recovered("the disk is full at a checkpoint (tmpfs of 110 MB)", folder, seen)


def full_at_a_row(bench: Bench) -> Row:
    """Fills the run folder's disk, which does not hold the checkpoints, while the run trains."""
    folder, elsewhere = bench.folder("full-row"), bench.folder("full-row-checkpoints")
    with _small_disk(folder, "2m"):
        elsewhere.mkdir()
        (folder / "checkpoints").symlink_to(elsewhere)
        process = bench.start(folder)
        bench.wait_for(process, folder / "metrics.csv")
        filler = folder / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(2**12))
        seen = last_line(bench.shown(process))
        filler.unlink()
        return bench.recovered("the disk is full at a row of metrics.csv (tmpfs)", folder, seen)


def full_at_the_cache(bench: Bench) -> Row:
    """Gives the cache's disk room for only some of the clips."""
    folder, cache = bench.folder("full-cache"), bench.folder("small-cache")
    with _small_disk(cache, "1500k"):
        seen = last_line(bench.run(folder, f"cache.dir={cache}"))
        kept = len(list(cache.glob("frames/*/clips/*/[!.]*.npy")))
        _mount("-o", "remount,size=1g", str(cache))
        lost = f"nothing: {kept} of 35 clips were kept"
        fault = "the disk is full while clips are decoded for the cache (tmpfs of 1.5 MB)"
        return bench.recovered(fault, folder, seen, f"cache.dir={cache}", lost=lost)


def read_only(bench: Bench) -> Row:
    """Makes the folder of an interrupted run read-only by a mount, which binds root too."""
    folder = bench.folder("read-only")
    bench.run(folder, hits="step:12:SIGTERM")
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        seen = last_line(bench.run(folder))
    finally:
        _unmount(folder)
    return bench.recovered("the run folder is read-only (bind mount) when the run is to resume", folder, seen)


@contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield
    finally:
        _unmount(folder)


def _mount(*arguments: str) -> None:
    if subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode != 0:
        raise MountError


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
