"""Whether W&B would find a key, and that it never stands in the way."""

from pathlib import Path
from typing import Any

import pytest
import wandb

from micacl.training.wandb_run import finish_wandb, is_logged_in, start_wandb


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


def test_a_server_out_of_reach_falls_back_to_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    modes: list[str] = []

    def init(mode: str, **_: Any) -> str:
        modes.append(mode)
        if mode == "online":
            raise wandb.errors.CommError("timed out")
        return "run"

    monkeypatch.setattr(wandb, "init", init)
    monkeypatch.setenv("WANDB_API_KEY", "abc")
    assert start_wandb(tmp_path, "p", "n", None, {}) == "run"
    assert modes == ["online", "offline"]


def test_whatever_goes_wrong_the_training_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def init(**_: Any) -> None:
        raise RuntimeError("the service did not start")

    monkeypatch.setattr(wandb, "init", init)
    assert start_wandb(tmp_path, "p", "n", None, {}) is None
    assert "the service did not start" in caplog.text
    finish_wandb(object(), tmp_path, failed=True)  # neither a run nor a run folder
    assert "did not take the end of this run" in caplog.text
