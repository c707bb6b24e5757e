"""Whether W&B would find a key, and that it never stands in the way."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import wandb
from tests.run_folders import write_run

from micacl.dashboard.run_end import log_end_of_run
from micacl.dashboard.session import Session, is_logged_in, start_session
from micacl.run_folder.features import FEATURES_FILE


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def test_a_key_in_the_environment_or_in_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert not is_logged_in()
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password abc\n")
    assert is_logged_in()
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert not is_logged_in(), "a key for another server is no key for this one"
    (tmp_path / "netrc").write_text("machine wandb.example.org login user password abc\n")
    assert is_logged_in()
    (tmp_path / "netrc").write_text("this is no netrc")
    assert not is_logged_in()
    monkeypatch.setenv("WANDB_API_KEY", "abc")
    assert is_logged_in()


def start(folder: Path) -> Session:
    return start_session(folder, "project", "name", None, {}, "train")


class Recorder:
    """A W&B run that keeps what it is told, and fails from some call on."""

    def __init__(self, fails_after: int = 100) -> None:
        self.calls: list[str] = []
        self.fails_after = fails_after
        self.summary = self

    def _take(self, call: str) -> None:
        self.calls.append(call)
        if len(self.calls) > self.fails_after:
            raise OSError("No space left on device")

    def define_metric(self, name: str, step_metric: str) -> None: ...

    def log(self, values: dict[str, Any]) -> None:
        self._take("log")

    def update(self, values: dict[str, Any]) -> None:
        self._take("summary")

    def finish(self, exit_code: int) -> None:
        self._take(f"finish {exit_code}")


def test_a_server_out_of_reach_falls_back_to_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    modes: list[str] = []

    def init(mode: str, **_: Any) -> Recorder:
        modes.append(mode)
        if mode == "online":
            raise wandb.errors.CommError("timed out")
        return Recorder()

    monkeypatch.setattr(wandb, "init", init)
    monkeypatch.setenv("WANDB_API_KEY", "abc")
    assert start(tmp_path).active
    assert modes == ["online", "offline"]


def test_a_w_and_b_that_does_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def init(**_: Any) -> None:
        raise RuntimeError("the service did not start")

    monkeypatch.setattr(wandb, "init", init)
    assert not start(tmp_path).active
    assert "the service did not start" in caplog.text


@pytest.mark.parametrize("fails_after", [0, 1, 2, 3])
def test_the_first_failure_is_said_once_and_nothing_more_is_tried(
    fails_after: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = Recorder(fails_after)
    session = Session(run, tmp_path)
    session.log({"a": 1})
    session.log({"a": 2})
    session.summarize({"b": 1})
    log_end_of_run(session, write_run(tmp_path / "run", [3, 2, 2, 2, 2, 1, 1]))
    session.finish(failed=True)
    assert len(run.calls) == fails_after + 1
    assert caplog.text.count("W&B stopped working (No space left on device)") == 1
    assert not session.active


def test_a_run_without_an_end_or_a_damaged_one_is_closed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = Recorder()
    log_end_of_run(Session(run), tmp_path)
    folder = write_run(tmp_path / "run", [3, 2, 2, 2, 2, 1, 1])
    (folder / FEATURES_FILE).write_bytes(b"no archive")
    log_end_of_run(Session(run), folder)
    assert "features.npz is damaged" in caplog.text
    assert run.calls == ["summary", "log", "summary"], "all but the t-SNE is logged"


def test_a_killed_service_stops_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    outcome = subprocess.run(
        [sys.executable, "-c", KILL, str(tmp_path)],
        env=os.environ | {"PYTHONWARNINGS": "ignore"}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip
    assert "went on to the end" in outcome.stdout, outcome.stderr
    assert outcome.returncode == 0, outcome.stderr
    assert "Traceback" not in outcome.stderr


KILL = """
import sys
from pathlib import Path
import psutil
from micacl.dashboard.session import start_session
session = start_session(Path(sys.argv[1]), "project", "name", None, {}, "train")
session.log({"epoch": 1})
services = psutil.Process().children(recursive=True)
assert services
for service in services:
    service.kill()
for service in services:
    service.wait()
for epoch in range(2, 6):
    session.log({"epoch": epoch})
assert not session.active
session.finish(failed=False)
following = start_session(Path(sys.argv[1]), "project", "following", None, {}, "train")
following.log({"epoch": 1})
assert following.active
following.finish(failed=False)
print("went on to the end")
"""
