"""The W&B report is built without a network, asks for what runs log, and says in one line what stands in its way."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import wandb

from micacl.dashboard.__main__ import main
from micacl.dashboard.report import build_report

LOGGED = {
    "test/war", "test/uar", "train/total", "train/cross_entropy", "train/intensity_aware", "train/contrastive",
    "train/feature_augmentation", "learning_rate", "geiim/alpha", "mccl/temperature", "summary", "tsne/table",
    "tsne/picture", "clips/chosen", "instances/adjacency", "instances/weights", "confusion_matrix/counts_table",
    "confusion_matrix/shares_table", "confusion_matrix/picture", "wandb/confusion_matrix/v1",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def texts(value: Any) -> Iterator[str]:
    """Every text anywhere in JSON."""
    if isinstance(value, str):
        yield value
    for inside in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inside)


def spec(group: str | None) -> dict[str, Any]:
    """What would be sent to W&B, which is asked for the project's number alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wandb, "Api", lambda *_, **__: pytest.fail("building a report asks nobody"))
        report = build_report("team", "faces", group)
        patch.setattr(wandb, "Api", lambda: None)
        answer = {"project": {"internalId": "UHJvamVjdDox"}}
        patch.setattr("wandb_workspaces.reports.v2.interface.execute_graphql", lambda *_: answer)
        model = report._to_model()
    content = json.loads(model.spec.model_dump_json(by_alias=True, exclude_none=True))
    assert isinstance(content, dict)
    return content


def test_it_shows_everything_that_is_logged() -> None:
    content = spec(None)
    found = set(texts(content))
    assert found >= LOGGED
    grids = [block for block in content["blocks"] if block["type"] == "panel-grid"]
    assert len(grids) == 6
    for grid in grids:
        (runs,) = grid["metadata"]["runSets"]
        assert (runs["project"]["entityName"], runs["project"]["name"]) == ("team", "faces")
        places = [panel["layout"] for panel in grid["metadata"]["panelBankSectionConfig"]["panels"]]
        taken = {(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])}
        assert len(taken) == sum(p["w"] * p["h"] for p in places), "panels do not overlap"
        assert max(x for x, _ in taken) < 24


def test_a_group_is_filtered() -> None:
    def filters(group: str | None) -> list[str]:
        return [
            json.dumps(block["metadata"]["runSets"][0]["filters"])
            for block in spec(group)["blocks"]
            if block["type"] == "panel-grid"
        ]

    assert all("my_sweep" in text and "group" in text for text in filters("my_sweep"))
    assert not any('"group"' in text for text in filters(None))
    assert ["summary" in text for text in filters(None)] == [True, False, False, False, False, False]


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    assert stopped.value.code not in (0, None)
    return f"{stopped.value.code} {capsys.readouterr().err}"


def test_what_stands_in_its_way(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not ENTITY/PROJECT" in error_of(capsys, "faces")
    assert "run wandb login" in error_of(capsys, "team/faces")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr(wandb, "Api", lambda: None)
    with monkeypatch.context() as patch:
        patch.setattr("wandb_workspaces.reports.v2.interface.execute_graphql", lambda *_: {"project": None})
        assert "project 'team/faces' not found" in error_of(capsys, "team/faces")

    def unreachable() -> None:
        raise wandb.errors.CommError("no\nnetwork")

    monkeypatch.setattr(wandb, "Api", unreachable)
    assert "W&B did not take the report: no network" in error_of(capsys, "team/faces")
    monkeypatch.delitem(sys.modules, "micacl.dashboard.report")
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    assert "pip install wandb-workspaces" in error_of(capsys, "team/faces")


def test_a_saved_report_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    saved = SimpleNamespace(url="https://wandb.ai/team/faces/reports/x")
    monkeypatch.setattr("wandb_workspaces.reports.v2.Report.save", lambda _: saved)
    main(["team/faces", "my_sweep"])
    assert capsys.readouterr().out.strip() == saved.url
