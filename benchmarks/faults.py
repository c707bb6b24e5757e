"""Measures the cost of faults: kills a small training at random moments and in other ways, resumes it, and compares.

    python benchmarks/faults.py [--kills 20] [--seed 1]

Prints a table: the fault, what was lost, what the user saw, the seconds from the second start until the training
resumes, and whether the run then ends as the undisturbed one, bit for bit. The network is the tests' small one;
everything else is as in any run. Full and read-only disks are mounted, which needs root; without root those rows are
left out.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for the tests' small network

from faulted import damage, disks, processes
from faulted.bench import EPOCHS, STEPS, Bench, Row

Fault = Callable[[Bench], Row]


def _hit(fault: str, hits: str, *options: str) -> Fault:
    return lambda bench: processes.hit(bench, fault, hits, *options)


FAULTS: tuple[Fault, ...] = (
    _hit("SIGTERM in step 12", "step:12:SIGTERM"),
    _hit("SIGTERM in the validation of epoch 4", "validation:4:SIGTERM"),
    _hit("Ctrl-C in step 12", "step:12:SIGINT"),
    _hit("Ctrl-C twice in step 12", "step:12:SIGINT,step:12:SIGINT"),
    _hit("a process that loads clips is killed", "worker:12:SIGKILL", "dataset.num_workers=1"),
    _hit("NaN in the batch of step 12, once", "nan:12"),
    processes.wandb_service,
    processes.rank,
    processes.twice,
    damage.checkpoint,
    damage.metrics,
    damage.cache_cut_off,
    damage.cache_header,
    disks.full_at_a_checkpoint,
    disks.full_at_a_row,
    disks.full_at_the_cache,
    disks.read_only,
)


def rows(bench: Bench, num_kills: int, seed: int) -> Iterator[Row]:
    """Measures the rows of the table one after the other."""
    yield from processes.kills(bench, num_kills, random.Random(seed))
    for fault in FAULTS:
        try:
            yield fault(bench)
        except disks.MountError:
            yield Row(str(fault.__doc__).strip(), "-", "left out: no right to mount a disk", "-", None)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="seed of the random moments")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        bench = Bench(Path(place))
        print(f"a run of {EPOCHS} epochs of {STEPS} steps takes {bench.seconds:.0f} s after its imports\n")
        print("| fault | what was lost | what the user saw | s to recover | same end |")
        print("| --- | --- | --- | ---: | --- |")
        for row in rows(bench, arguments.kills, arguments.seed):
            seen = row.seen.replace(f"{place}/", "")
            same_end = "-" if row.same_end is None else "yes" if row.same_end else "NO"
            print(f"| {row.fault} | {row.lost} | {seen} | {row.seconds} | {same_end} |", flush=True)


if __name__ == "__main__":
    main()
