"""Damages files after they were written."""

from collections.abc import Callable
from pathlib import Path

from faulted.bench import Bench, Row, last_line


def checkpoint(bench: Bench) -> Row:
    """Flips a bit of the newest checkpoint after the run was killed."""
    folder = bench.folder("damaged-checkpoint")
    bench.run(folder, "trainer.checkpoint_minutes=0", hits="step:12:SIGKILL")
    path = folder / "checkpoints" / "last.ckpt"
    _flip(path, path.stat().st_size // 2)
    return bench.recovered("a bit of the newest checkpoint flips (run killed in step 12)", folder, "Killed")


def metrics(bench: Bench) -> Row:
    """Cuts the table of an interrupted run off, and appends rubbish."""
    folder = bench.folder("damaged-metrics")
    bench.run(folder, hits="step:12:SIGTERM")
    path = folder / "metrics.csv"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] + b"\0\xff\n\n")
    row = bench.recovered("metrics.csv is damaged (run ended by SIGTERM in step 12)", folder, "nothing")
    return row._replace(lost="nothing: it is written anew") if row.same_end else row


def cache_cut_off(bench: Bench) -> Row:
    """Cuts the last byte of a file of the cache off."""
    return _cache(bench, "a file of the cache is cut off", lambda path: path.write_bytes(path.read_bytes()[:-1]))


def cache_header(bench: Bench) -> Row:
    """Flips a bit in the header of a file of the cache."""
    return _cache(bench, "a bit in the header of a file of the cache flips", lambda path: _flip(path, 60))


def _cache(bench: Bench, fault: str, damage: Callable[[Path], object]) -> Row:
    """Damages a file, starts a run, deletes the file as the run asks, and resumes the run."""
    folder = bench.folder(fault.replace(" ", "-"))
    path = min(bench.cache.glob("frames/*/clips/*/*.npy"))
    damage(path)
    seen = last_line(bench.run(folder))
    path.unlink()
    return bench.recovered(fault, folder, seen)


def _flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
