"""``micacl.train`` with the small network and without pictures, which can be hit by a signal at a chosen moment.

A hit is ``MOMENT:COUNT:SIGNAL``: the signal comes when the moment comes for the COUNT-th time, from 1. Several are
separated by commas. Moments are

- ``step``, ``validation`` and ``test``: before a batch is computed,
- ``write``: a checkpoint is written aside, but not yet on the disk and not yet renamed,
- ``rename``: a file is about to be renamed,
- ``pictures``: the results are written, the pictures are not.

``worker`` hits the first of the processes that load clips, before a training step. ``nan:COUNT`` makes a batch NaN.
"""

import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.small_network import small_network

import micacl.run.outcome
import micacl.run.training  # what a server of forks imports once
from micacl.build.network import NETWORKS
from micacl.train import main
from micacl.training.module import ExpressionModule


def train(arguments: Sequence[str], hits: str, output: Path, environment: Mapping[str, str], file_limit: int) -> None:
    """Runs the command in a process of its own, which ends with it.

    Args:
        arguments: Of the command line.
        hits: See above; "" for none.
        output: File for what the screen would show.
        environment: Variables to set.
        file_limit: Bytes that a file may have, as on a disk that is full then; 0 for no limit.
    """
    with output.open("wb") as screen:
        os.dup2(screen.fileno(), 1)
        os.dup2(screen.fileno(), 2)
    os.environ.pop("WANDB_SERVICE", None)  # of an earlier test in this process: it would outlive this command
    os.environ.update(environment)
    multiprocessing.set_start_method("fork", force=True)  # as in a command: not that of the server of forks
    if file_limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    sys.argv = ["train.py", *arguments]
    try:
        prepare(hits)
        main()
    finally:
        print(f"leaving {len(multiprocessing.active_children())} processes")  # which the exit would wait for


def prepare(hits: str) -> None:
    """Puts the small network and the hits into this process.

    Args:
        hits: See above; "" for none.
    """
    NETWORKS["small"] = small_network()
    for name in ("_write_pictures", "save_figures"):
        setattr(micacl.run.outcome, name, lambda *_: None)
    for hit in filter(None, hits.split(",")):
        moment, count, name = [*hit.split(":"), ""][:3]
        _hit_before(moment, int(count), signal.Signals[name] if name else None)


def _hit_before(moment: str, count: int, signum: signal.Signals | None) -> None:
    owner, name = {
        "step": (ExpressionModule, "training_step"),
        "worker": (ExpressionModule, "training_step"),
        "nan": (ExpressionModule, "training_step"),
        "validation": (ExpressionModule, "validation_step"),
        "test": (ExpressionModule, "test_step"),
        "write": (os, "fsync"),
        "rename": (Path, "replace"),
        "pictures": (micacl.run.outcome, "save_figures"),
    }[moment]
    original: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def hit(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count and signum is None:
            arguments[1]["clip"].mul_(float("nan"))
        elif calls == count and signum is not None:
            target = multiprocessing.active_children()[0].pid if moment == "worker" else os.getpid()
            assert target is not None
            os.kill(target, signum)
        return original(*arguments, **options)

    setattr(owner, name, hit)
