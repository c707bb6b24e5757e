"""What faults cost: kills a small training at random moments and by other faults, starts it again, and compares.

    python benchmarks/faults.py [--kills 20] [--seed 1]

Prints a table: the fault, what was lost, what the user saw, and the seconds from the second start until the training
goes on. The network is the tests' small one; everything else is as in any run.
"""

import argparse
import csv
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch

ROOT = Path(__file__).resolve().parents[1]
EPOCHS = 8
_STEP = re.compile(r"going on from step (\d+)")


class Row(NamedTuple):
    """A row of the table."""

    fault: str
    lost: str
    seen: str
    seconds: str
    same_end: bool


class Bench:
    """A small run, undisturbed, and the means to disturb others.

    Args:
        place: An empty folder.
    """

    def __init__(self, place: Path) -> None:
        from tests.runs import TINY

        self._place = place
        # Saved after every second or so, as a long training saves every ten minutes.
        self._options = [*TINY, f"cache.dir={place / 'cache'}", f"training.epochs={EPOCHS}",
                         "trainer.checkpoint_minutes=0.01"]  # fmt: skip
        self.whole = place / "whole"
        self.run(self.whole)  # draws the clips
        process = self.start(place / "timed")
        self.wait_for_record(place / "timed")
        begin = time.monotonic()
        process.communicate()
        self.seconds = time.monotonic() - begin

    def folder(self, name: str) -> Path:
        """A folder for a run of its own."""
        return self._place / name

    def start(self, folder: Path, *options: str, hits: str = "", file_limit: int = 0) -> "subprocess.Popen[str]":
        """Starts the run of a folder, or goes on with it."""

        def limit() -> None:
            if file_limit:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

        return subprocess.Popen(
            [sys.executable, "-m", "tests.small_train", *self._options, f"hydra.run.dir={folder}", *options],
            cwd=ROOT, env=os.environ | {"HIT": hits, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=limit,
        )  # fmt: skip

    def wait_for_record(self, folder: Path) -> None:
        """Waits until a run that was started has read its options."""
        while not (folder / "run.json").exists():
            time.sleep(0.05)

    def run(self, folder: Path, *options: str, hits: str = "", file_limit: int = 0) -> str:
        """Does that to its end, and gives what the user saw."""
        return self.start(folder, *options, hits=hits, file_limit=file_limit).communicate()[0]

    def recover(self, folder: Path) -> tuple[str, str]:
        """Starts a run again, to its end: what it said on going on, and after how many seconds it trained."""
        begin = time.monotonic()
        process = self.start(folder)
        assert process.stdout is not None
        said, seconds = "started anew", ""
        for line in process.stdout:
            if match := _STEP.search(line):
                said = f"went on from step {match[1]}"
            if "damaged" in line:
                said = "named it; " + said
            if not seconds and (_STEP.search(line) or line.startswith("epoch ")):
                seconds = f"{time.monotonic() - begin:.0f}"
        process.wait()
        return said, seconds

    def same_end(self, folder: Path) -> bool:
        """Whether a run has ended with the weights and the figures of the undisturbed one, bit for bit."""
        try:
            states = [
                torch.load(path / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
                for path in (folder, self.whole)
            ]
        except OSError:
            return False
        return all(torch.equal(states[0][name], states[1][name]) for name in states[1]) and _figures(
            folder
        ) == _figures(self.whole)


def _figures(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return [
            {name: value for name, value in row.items() if name not in ("seconds", "data_wait")}
            for row in csv.DictReader(file)
        ]


def _last_line(shown: str) -> str:
    """The last line that is no part of a progress bar; of a traceback, that it was one."""
    if "Traceback" in shown:
        return "a traceback"
    lines = [line for line in shown.splitlines() if line.strip() and "━" not in line]
    return lines[-1][:150] if lines else "nothing"


def kills(bench: Bench, count: int, generator: random.Random) -> Iterator[Row]:
    """SIGKILL at random moments of a run's life, from when it has read its options to its end."""
    for number in range(count):
        folder = bench.folder(f"killed{number}")
        moment = generator.uniform(0, bench.seconds)
        process = bench.start(folder)
        bench.wait_for_record(folder)
        time.sleep(moment)
        process.kill()
        process.wait()
        said, seconds = bench.recover(folder)
        fault = f"SIGKILL after {moment:.1f} of {bench.seconds:.0f} s"
        yield Row(fault, said, "nothing", seconds, bench.same_end(folder))


def damaged(bench: Bench) -> Row:
    """A byte of the newest checkpoint changes."""
    folder = bench.folder("damaged")
    bench.run(folder, "trainer.checkpoint_minutes=0", hits="step:12:SIGKILL")
    path = folder / "checkpoints" / "last.ckpt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    said, seconds = bench.recover(folder)
    return Row("a bit of the newest checkpoint flips (at step 11)", said, said, seconds, bench.same_end(folder))


def hit(name: str, hits: str, *options: str) -> Callable[[Bench], Row]:
    """A signal at a chosen moment."""

    def fault(bench: Bench) -> Row:
        folder = bench.folder(hits.replace(":", "-"))
        seen = _last_line(bench.run(folder, *options, hits=hits))
        said, seconds = bench.recover(folder)
        return Row(name, said, seen, seconds, bench.same_end(folder))

    return fault


def full_disk(bench: Bench) -> Row:
    """A checkpoint does not fit on a small file system; without the right to mount one, files are limited instead."""
    folder = bench.folder("full")
    folder.mkdir()
    mounted = _mount(folder, "size=110m")
    seen = _last_line(bench.run(folder, file_limit=0 if mounted else 2**22))
    if mounted:
        subprocess.run(["mount", "-o", "remount,size=1g", str(folder)], check=True)
    said, seconds = bench.recover(folder)
    same = bench.same_end(folder)
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)
    return Row(f"the disk is full ({'tmpfs of 110 MB' if mounted else 'file limit'})", said, seen, seconds, same)


def read_only(bench: Bench) -> Row:
    """The run folder cannot be written to."""
    folder = bench.folder("read-only")
    bench.run(folder, hits="step:12:SIGTERM")
    if not _mount(folder, "ro", source=str(folder)):
        return Row("read-only run folder", "-", "not tried: no right to mount", "-", True)
    seen = _last_line(bench.run(folder))
    subprocess.run(["umount", str(folder)], check=True)
    said, seconds = bench.recover(folder)
    return Row("the run folder is read-only (bind mount)", said, seen, seconds, bench.same_end(folder))


def _mount(folder: Path, options: str, source: str | None = None) -> bool:
    if source is None:
        tmpfs = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        return subprocess.run(tmpfs, check=False).returncode == 0
    if subprocess.run(["mount", "--bind", source, str(folder)], check=False).returncode != 0:
        return False
    return subprocess.run(["mount", "-o", f"remount,bind,{options}", str(folder)], check=False).returncode == 0


def twice(bench: Bench) -> Row:
    """The same command once more while it runs."""
    folder = bench.folder("twice")
    first = bench.start(folder)
    bench.wait_for_record(folder)
    seen = _last_line(bench.run(folder))
    first.communicate()
    return Row("the same run is started twice at once", "nothing", seen, "-", bench.same_end(folder))


FAULTS: Sequence[Callable[[Bench], Row]] = (
    hit("SIGTERM in a step", "step:12:SIGTERM"),
    hit("SIGTERM in the validation", "validation:4:SIGTERM"),
    hit("Ctrl-C in a step", "step:12:SIGINT"),
    hit("Ctrl-C twice", "step:12:SIGINT,step:12:SIGINT"),
    hit("a process that loads clips is killed", "worker:12:SIGKILL", "dataset.num_workers=1"),
    hit("NaN in a batch, once", "nan:12"),
    damaged,
    full_disk,
    read_only,
    twice,
)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as place:
        bench = Bench(Path(place))
        print(f"a run of {EPOCHS} epochs of 3 steps takes {bench.seconds:.0f} s after its imports\n")
        print("| fault | started again, it | what the user saw at the fault | s to go on | same end |")
        print("| --- | --- | --- | ---: | --- |")
        rows = kills(bench, arguments.kills, random.Random(arguments.seed))
        for row in chain(rows, (fault(bench) for fault in FAULTS)):
            seen = row.seen.replace(place, "")
            same = "yes" if row.same_end else "NO"
            print(f"| {row.fault} | {row.lost} | {seen} | {row.seconds} | {same} |", flush=True)


if __name__ == "__main__":
    main()
