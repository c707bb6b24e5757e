"""Starts an undisturbed small run, starts others that are disturbed, and compares them with it."""

import csv
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from tests.runs import TINY

ROOT = Path(__file__).resolve().parents[2]
EPOCHS, STEPS = 10, 3  # steps of each epoch
_STEP = re.compile(r"from step (\d+)")
# The options of a run in two processes.
RANKS = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2")
_SECONDS = 600  # a run that takes longer hangs


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        fault: The fault.
        lost: The part of the run's work that was lost.
        seen: The message that the user saw.
        seconds: The seconds from the second start until the training was resumed.
        same_end: Whether the run then ended as the undisturbed one, bit for bit; None if that was not compared.
    """

    fault: str
    lost: str
    seen: str
    seconds: str
    same_end: bool | None


class Bench:
    """An undisturbed run, and the methods to start others and to compare them.

    Args:
        place: An empty folder for all runs.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self.cache = place / "cache"
        self.run(self.folder("drawn"))
        process = self.start(self.folder("whole"))
        self.wait_for(process, self.folder("whole") / "run.json")
        begin = time.monotonic()
        while '"status": "finished"' not in (self.folder("whole") / "run.json").read_text(encoding="utf-8"):
            time.sleep(0.05)
        self.seconds = time.monotonic() - begin  # for training and testing, without the exit
        self.shown(process)

    def folder(self, name: str) -> Path:
        """Returns the folder of a run."""
        return self._place / name

    def start(self, folder: Path, *options: str, hits: str = "") -> "subprocess.Popen[str]":
        """Starts the run of a folder, or resumes it; later options override earlier ones."""
        # A checkpoint about every second corresponds to one every ten minutes of a long training.
        given = dict(option.split("=", 1) for option in (
            *TINY, f"cache.dir={self.cache}", f"training.epochs={EPOCHS}", "trainer.checkpoint_minutes=0.01",
            f"hydra.run.dir={folder}", *options,
        ))  # fmt: skip
        steps = self._steps_file(folder)
        environment = {"HIT": hits, "STEPS": str(steps), "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
        quiet = {"OMP_NUM_THREADS": "1", "COLUMNS": "200", "PYTHONUNBUFFERED": "1", "WANDB_MODE": "offline"}
        return subprocess.Popen(
            [sys.executable, "-m", "faulted.training", *(f"{name}={value}" for name, value in given.items())],
            cwd=ROOT / "benchmarks", env=os.environ | environment | quiet,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def wait_for(self, process: "subprocess.Popen[str]", path: Path) -> None:
        """Waits until a run that was started has written a file."""
        while not path.exists():
            assert process.poll() is None, f"it ended before it wrote {path}:\n{self.shown(process)}"
            time.sleep(0.05)

    def shown(self, process: "subprocess.Popen[str]") -> str:
        """Waits for the end of a run and returns what the user has seen."""
        try:
            return process.communicate(timeout=_SECONDS)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            return process.communicate()[0] + f"\nit hung for {_SECONDS} s"

    def run(self, folder: Path, *options: str, hits: str = "") -> str:
        """Runs to the end and returns what the user saw."""
        return self.shown(self.start(folder, *options, hits=hits))

    def recovered(
        self, fault: str, folder: Path, seen: str, *options: str, whole: str = "whole", lost: str | None = None
    ) -> Row:
        """Resumes a run, waits for its end, and compares it.

        Args:
            fault: The fault that has stopped the run.
            folder: The run's folder.
            seen: The message that the user saw at the fault.
            *options: The options of both starts.
            whole: The name of the undisturbed run.
            lost: The loss, if it is not a number of steps.
        """
        begun = self._steps_begun(folder)
        begin = time.monotonic()
        process = self.start(folder, *options)
        assert process.stdout is not None
        step, seconds, named = 0, "", ""
        for line in process.stdout:
            if match := _STEP.search(line):
                step = int(match[1])
            if "holds this run, finished" in line:
                step, seconds = begun, "-"
            if "is damaged" in line:
                named = "; started again: " + last_line(line)
            if not seconds and (step or line.startswith("epoch ")):
                seconds = f"{time.monotonic() - begin:.0f}"
        if process.wait() != 0:
            named += "; started again: it failed"
        steps = f"{begun - step} of {begun} steps" if begun > step else "nothing"
        return Row(fault, lost or steps, seen + named, seconds, self.same_end(folder, whole))

    def same_end(self, folder: Path, whole: str = "whole") -> bool:
        """Returns whether a run has ended with the weights and figures of an undisturbed one, bit for bit."""
        ends = [folder, self.folder(whole)]
        if not all((end / "predictions.csv").is_file() for end in ends):
            return False
        ours, theirs = (torch.load(end / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"] for end in ends)
        same_weights = ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in theirs)
        return same_weights and len({_figures(end) for end in ends}) == 1

    def _steps_file(self, folder: Path) -> Path:
        return self._place / f"{folder.name}.steps"

    def _steps_begun(self, folder: Path) -> int:
        path = self._steps_file(folder)
        return path.stat().st_size if path.is_file() else 0


def _figures(folder: Path) -> str:
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows: Sequence[dict[str, str]] = list(csv.DictReader(file))
    for row in rows:
        del row["seconds"], row["data_wait"]
    return f"{rows} {(folder / 'predictions.csv').read_text(encoding='utf-8')}"


def last_line(shown: str, word: str = "") -> str:
    """Finds the error, or else the last line that holds a word and is no progress bar; a traceback is only named."""
    if "Traceback" in shown:
        return "A TRACEBACK"
    lines = [line for line in shown.splitlines() if line.strip() and "━" not in line and word in line]
    errors = [line for line in lines if line.startswith("Error: ")]
    return (errors or lines or ["nothing"])[-1]
