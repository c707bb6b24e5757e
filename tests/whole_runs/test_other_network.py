"""A network that has nothing of MICACL's is trained, tested, evaluated and reported by the same code."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.torch import load_file
from tests.runs import TINY, read_table, run_here
from torch import Tensor, nn

from micacl.build.network import NETWORKS, NetworkKind
from micacl.evaluate import main as evaluate_main
from micacl.models import NetworkOutput
from micacl.report import main as report_main

FEATURE_DIM = 24


class MeanFrame(nn.Module):
    """Classifies the mean frame of a clip: no instances, no graph, features of another width."""

    feature_dim = FEATURE_DIM

    def __init__(self, num_classes: int, num_frames: int) -> None:
        super().__init__()
        self.num_frames = num_frames
        self.body = nn.Linear(3 * 4 * 4, FEATURE_DIM)
        self.head = nn.Linear(FEATURE_DIM, num_classes)

    def forward(self, clip_BCFHW: Tensor) -> NetworkOutput:
        pixels_BP = nn.functional.adaptive_avg_pool2d(clip_BCFHW.mean(2), (4, 4)).flatten(1)
        features_BC = self.body(pixels_BP).relu()
        return NetworkOutput(self.head(features_BC), features_BC)


@pytest.fixture
def mean_frame() -> Iterator[list[str | None]]:
    """Lets model.name=mean_frame choose it; gives the pre-trained weights that were asked for."""
    started: list[str | None] = []
    kind = NetworkKind(
        MeanFrame, lambda model, _: {"num_frames": model.num_frames}, lambda _, weights: started.append(weights)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "mean_frame", kind)
        yield started


def test_a_network_of_another_class(mean_frame: list[str | None], cache_dir: Path, tmp_path: Path) -> None:
    run, tested = tmp_path / "run", tmp_path / "tested"
    options = ["model.name=mean_frame", "loss.contrastive.scales=[24,12]", f"cache.dir={cache_dir}"]
    outcome = run_here([*TINY, *options, f"hydra.run.dir={run}"])
    assert outcome.status == 0, outcome.shown
    assert mean_frame == [None]
    (row,) = read_table(run / "metrics.csv")
    assert "mccl/temperature" in row
    assert "geiim/alpha" not in row
    with np.load(run / "features.npz") as features:
        assert features["features"].shape == (7, FEATURE_DIM)
    assert not {"instances.npz", "adjacency.png", "instance_weights.png"} & {path.name for path in run.iterdir()}
    state = load_file(run / "checkpoints" / "best.safetensors")
    assert {name: tuple(value.shape) for name, value in state.items()} == {
        "body.weight": (24, 48), "body.bias": (24,), "head.weight": (7, 24), "head.bias": (7,),
    }  # fmt: skip
    arguments = [f"ckpt_path={run}/checkpoints/last.ckpt", "trainer=cpu", "dataset.num_workers=0"]
    outcome = run_here([*arguments, f"cache.dir={cache_dir}", f"hydra.run.dir={tested}"], evaluate_main)
    assert outcome.status == 0, outcome.shown
    assert (tested / "predictions.csv").read_bytes() == (run / "predictions.csv").read_bytes()
    costs = json.loads((tested / "run.json").read_text())["costs"]
    assert costs["parameters"] == 24 * 48 + 24 + 7 * 24 + 7
    assert costs["multiply_adds"] == 24 * 48 + 7 * 24
    report_main([str(run), str(tested), "--out", str(tmp_path / "report.html")])
    assert "mean_frame" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_an_unknown_network_is_refused_with_the_list(cache_dir: Path, tmp_path: Path) -> None:
    outcome = run_here([*TINY, "model.name=other", f"cache.dir={cache_dir}", f"hydra.run.dir={tmp_path}"])
    assert outcome.status == 1
    assert "Error: there is no network 'other'; choose model.name among micacl" in outcome.shown
    assert "Traceback" not in outcome.shown


def test_a_run_from_before_networks_had_names(
    small_network: None, cache_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its config.yaml has no model.name: evaluate builds MICACL."""
    run, tested = tmp_path / "run", tmp_path / "tested"
    monkeypatch.setitem(NETWORKS, "micacl", NETWORKS["small"])
    outcome = run_here([*TINY, "model.name=micacl", f"cache.dir={cache_dir}", f"hydra.run.dir={run}"])
    assert outcome.status == 0, outcome.shown
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["model"].pop("name") == "micacl"
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    arguments = [f"ckpt_path={run}/checkpoints/last.ckpt", "trainer=cpu", "dataset.num_workers=0"]
    outcome = run_here([*arguments, f"cache.dir={cache_dir}", f"hydra.run.dir={tested}"], evaluate_main)
    assert outcome.status == 0, outcome.shown
    assert (tested / "predictions.csv").read_bytes() == (run / "predictions.csv").read_bytes()
    assert yaml.safe_load((tested / "config.yaml").read_text())["model"]["name"] == "micacl"
