"""Kills or stops the run, its helper processes or one of its ranks; and starts a run twice."""

import random
import time
from collections.abc import Iterator

import psutil

from faulted.bench import RANKS, Bench, Row, last_line


def kills(bench: Bench, count: int, generator: random.Random) -> Iterator[Row]:
    """Kills runs at random moments, from when they have read their options to their end."""
    for number in range(count):
        folder = bench.folder(f"killed{number}")
        moment = generator.uniform(0, bench.seconds)
        process = bench.start(folder)
        bench.wait_for(process, folder / "run.json")
        time.sleep(moment)
        process.kill()
        process.communicate()
        yield bench.recovered(f"SIGKILL after {moment:.1f} of {bench.seconds:.0f} s", folder, "Killed")


def hit(bench: Bench, fault: str, hits: str, *options: str) -> Row:
    """Sends a signal, or makes a number wrong, at a chosen moment."""
    folder = bench.folder(hits.replace(":", "-").replace(",", "-"))
    seen = last_line(bench.run(folder, *options, hits=hits))
    return bench.recovered(fault, folder, seen, *options)


def wandb_service(bench: Bench) -> Row:
    """Kills W&B's service while the run continues."""
    folder = bench.folder("wandb")
    process = bench.start(folder, "logger=wandb")
    bench.wait_for(process, folder / "metrics.csv")
    children = psutil.Process(process.pid).children(recursive=True)
    (service,) = (child for child in children if child.name() == "wandb-core")
    service.kill()
    seen = last_line(bench.shown(process), word="W&B")
    return Row("W&B's service is killed", "W&B's rows from then on", seen, "0", bench.same_end(folder))


def rank(bench: Bench) -> Row:
    """Kills one of two processes that train together."""
    bench.run(bench.folder("whole-ranks"), *RANKS)
    folder = bench.folder("rank")
    process = bench.start(folder, *RANKS)
    bench.wait_for(process, folder / "metrics.csv")
    ranks = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    max(ranks, key=lambda child: (child.create_time(), child.pid)).kill()  # times are rounded to 10 ms
    seen = last_line(bench.shown(process))
    return bench.recovered("one rank of two is killed", folder, seen, *RANKS, whole="whole-ranks")


def twice(bench: Bench) -> Row:
    """Starts the same command once more while it runs."""
    folder = bench.folder("twice")
    first = bench.start(folder, "training.epochs=10000")
    bench.wait_for(first, folder / "run.json")
    seen = last_line(bench.run(folder, "training.epochs=10000"))
    first.kill()
    first.communicate()
    return Row("the same run is started twice at once", "nothing", seen, "-", None)
