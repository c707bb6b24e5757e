"""Whole runs, tiny: the command in this process or in one of its own."""

import contextlib
import csv
import io
import logging
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf
from torch import Tensor

from micacl.cli.command import config_folder
from micacl.cli.sweep import SweepFolder
from micacl.settings import Settings
from micacl.train import main

# Where a process of its own finds this package and these tests.
PATH = os.pathsep.join(map(str, (Path(__file__).parents[1] / "src", Path(__file__).parents[1])))
# 28 training clips, 7 test clips, one of each class; a process that trains registers the network (small_network.py).
TINY = (
    "model.name=small",
    "dataset.synthetic.num_clips=35",
    "dataset.synthetic.num_subjects=5",
    "dataset.synthetic.min_clips_per_class_and_fold=1",
    "dataset.synthetic.frame_size=32",
    "dataset.size=16",
    "cache.size=32",
    "dataset.num_workers=0",
    "model.num_frames=4",
    "model.instance_length=2",
    "training.epochs=1",
    "training.batch_size=8",
    "trainer=cpu",
    "trainer.precision=32-true",
    "logger=none",
)


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def shown(self) -> str:
        return self.stdout + self.stderr


def run_here(arguments: Sequence[str], command: Callable[[], None] = main) -> Outcome:
    """Runs ``python -m micacl.train``, or another command, in this process, and leaves the process as it was."""
    stdout, stderr = io.StringIO(), io.StringIO()
    handlers, level = logging.root.handlers[:], logging.root.level
    matmul_precision, num_threads = torch.get_float32_matmul_precision(), torch.get_num_threads()
    on_interrupt = signal.getsignal(signal.SIGINT)
    status = 0
    try:
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
            warnings.catch_warnings(),
        ):
            patch.setattr(sys, "argv", ["train.py", *arguments])
            patch.setattr(SweepFolder, "path", None)
            patch.setenv("COLUMNS", "80")
            GlobalHydra.instance().clear()
            torch.set_num_threads(1)
            command()
    except SystemExit as error:
        if isinstance(error.code, str):
            stderr.write(error.code + "\n")
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    finally:
        GlobalHydra.instance().clear()
        for handler in set(logging.root.handlers) - set(handlers):
            handler.close()
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
        torch.set_float32_matmul_precision(matmul_precision)
        torch.set_num_threads(num_threads)
        signal.signal(signal.SIGINT, on_interrupt)
    return Outcome(status, stdout.getvalue(), stderr.getvalue())


def run_apart(
    arguments: Sequence[str], folder: Path, module: str = "micacl.train", **environment: str | None
) -> Outcome:
    """Runs ``python -m micacl.train`` in a process of its own, with nobody at the keyboard; None unsets a variable."""
    variables = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80", "PYTHONPATH": PATH} | environment
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def assert_refused(outcome: Outcome, *messages: str) -> None:
    """One message, which says all of `messages`, a status that is not 0, and no traceback."""
    assert outcome.status != 0
    for message in messages:
        assert message in outcome.shown
    assert "Traceback" not in outcome.shown
    assert 'File "' not in outcome.shown
    assert outcome.shown.count("Error: ") <= 1


def compose_settings(*overrides: str) -> Settings:
    """The settings that a command line gives."""
    ConfigStore.instance().store(name="schema", node=Settings)
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        settings = OmegaConf.to_object(compose("train", list(overrides)))
    assert isinstance(settings, Settings)
    return settings


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def tensors(value: Any, name: str = "") -> dict[str, Tensor]:
    """Every tensor in a nest of dicts and lists, by its place."""
    if isinstance(value, Tensor):
        return {name: value}
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {place: tensor for key, part in parts for place, tensor in tensors(part, f"{name}.{key}").items()}
