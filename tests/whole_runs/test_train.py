"""Whole runs: what they leave in their folder, and that they leave the same again."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score
from tests.runs import TINY, Outcome, compose_settings, read_table, run_here
from tests.small_network import SmallBackbone
from torch import Tensor

from micacl.build.data import build_data
from micacl.build.network import build_network
from micacl.data.augmentation import normalize
from micacl.data.expressions import CLASS_NAMES
from micacl.data.synthetic.generate import recipe_hash
from micacl.data.synthetic.recipe import Recipe
from micacl.models import MICACL
from micacl.training.module import ExpressionModule
from micacl.training.predictions import Rates

FILES = {
    ".lock", "adjacency.png", "checkpoints/best.safetensors", "checkpoints/last.ckpt", "config.yaml",
    "confusion_matrix.png", "features.npz", "frames.npz", "instance_weights.png", "instances.npz", "metrics.csv",
    "predictions.csv", "run.json", "thumbnails.npz", "tsne.png",
}  # fmt: skip
NUM_TEST_CLIPS = 7


def record_of(folder: Path) -> dict[str, Any]:
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert isinstance(record, dict)
    return record


def files_of(folder: Path) -> set[str]:
    """Without Hydra's own: its folder and its log."""
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in files if not name.startswith(".hydra/") and not name.endswith(".log")}


def assert_each_test_clip_once(folder: Path) -> None:
    """The rates of run.json, counted anew from predictions.csv by scikit-learn."""
    rows, record = read_table(folder / "predictions.csv"), record_of(folder)
    assert len({row["clip"] for row in rows}) == len(rows) == NUM_TEST_CLIPS
    label, prediction = ([row[name] for row in rows] for name in ("label", "prediction"))
    results = record["results"]
    assert results["war"] == pytest.approx(accuracy_score(label, prediction))
    assert results["uar"] == pytest.approx(balanced_accuracy_score(label, prediction))
    recall_K = recall_score(label, prediction, labels=CLASS_NAMES, average=None)
    assert list(results["recall"].values()) == pytest.approx(list(recall_K))
    assert list(results["recall"]) == record["class_names"] == list(CLASS_NAMES)
    for row in rows:
        probabilities = {name: float(row[f"p_{name}"]) for name in CLASS_NAMES}
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert probabilities[row["prediction"]] == max(probabilities.values())


@pytest.fixture(scope="module")
def train(
    small_network: None, cache_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[Outcome, Path]]:
    """Trains in this process, with a small network; gives how it ended and the run folder."""

    def run(*arguments: str) -> tuple[Outcome, Path]:
        folder = tmp_path_factory.mktemp("run")
        options = [*TINY, f"cache.dir={cache_dir}", f"hydra.run.dir={folder}", "training.epochs=2"]
        return run_here([*options, *arguments]), folder

    return run


Train = Callable[..., tuple[Outcome, Path]]


@pytest.fixture(scope="module")
def published(train: Train) -> tuple[Outcome, Path]:
    """One run as the results in papers are made."""
    return train("seed=4")


def test_a_run_leaves_what_is_promised(published: tuple[Outcome, Path]) -> None:
    outcome, folder = published
    assert outcome.status == 0, outcome.shown
    assert files_of(folder) == FILES
    record = record_of(folder)
    assert (record["status"], record["error"]) == ("finished", None)
    assert (record["dataset"], record["fold"], record["seed"], record["protocol"]) == ("synthetic", 1, 4, "published")
    assert (record["class_counts"], record["precision"], record["sweep"]) == ([4] * 7, "32-true", None)
    assert record["ablation"] == {"geiim": True, "wian": True, "mccl": True}
    assert "seed=4" not in record["setting"]
    assert "training.epochs=2" in record["setting"]
    for figure in ("confusion_matrix.png", "tsne.png"):
        assert (folder / figure).read_bytes().startswith(b"\x89PNG")


def test_the_config_is_resolved_and_gives_the_same_settings(published: tuple[Outcome, Path]) -> None:
    config = yaml.safe_load((published[1] / "config.yaml").read_text())
    assert config["training"]["epochs"] == 2
    assert config["dataset"]["synthetic"]["num_clips"] == 35
    assert "${" not in (published[1] / "config.yaml").read_text()
    assert set(config) == set(vars(compose_settings(*TINY)))


def test_metrics_have_a_row_an_epoch(published: tuple[Outcome, Path]) -> None:
    outcome, folder = published
    rows = read_table(folder / "metrics.csv")
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [row["step"] for row in rows] == ["3", "6"]  # 28 clips in batches of 8, the incomplete one dropped
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())
    results = record_of(folder)["results"]
    # The last epoch's weights are tested again at the end: the same figures, by another way.
    assert results["headline"] == "last epoch"
    assert float(rows[-1]["test/war"]) == pytest.approx(results["war"])
    assert float(rows[-1]["test/uar"]) == pytest.approx(results["uar"])
    best = results["best_on_test"]
    assert best["war"] == pytest.approx(max(float(row["test/war"]) for row in rows))
    assert best["uar"] == pytest.approx(max(float(row["test/uar"]) for row in rows))
    assert "epoch 2/2" in outcome.shown
    assert "best-on-test" in outcome.shown


def test_predictions_hold_each_test_clip_once(published: tuple[Outcome, Path], cache_dir: Path) -> None:
    folder = published[1]
    assert_each_test_clip_once(folder)
    recipe = Recipe(num_clips=35, num_subjects=5, min_clips_per_class_and_fold=1, frame_size=32)
    manifest = read_table(cache_dir / f"synthetic-{recipe_hash(recipe)}" / "manifest.csv")
    expected = {row["path"].removesuffix(".mp4"): row["class_name"] for row in manifest if row["fold"] == "1"}
    assert {row["clip"]: row["label"] for row in read_table(folder / "predictions.csv")} == expected
    with np.load(folder / "features.npz", allow_pickle=False) as features:
        assert features["features"].shape == (NUM_TEST_CLIPS, 512)
        assert [CLASS_NAMES[k] for k in features["label"]] == [expected[clip] for clip in features["clip"]]


def test_checkpoints_load_without_running_code(published: tuple[Outcome, Path]) -> None:
    folder = published[1] / "checkpoints"
    last = torch.load(folder / "last.ckpt", weights_only=True)
    assert last["epoch"] == 1
    assert last["optimizer_states"]
    with safe_open(folder / "best.safetensors", framework="pt") as file:
        best, names = file.metadata(), set(file.keys())
    assert {f"network.{name}" for name in names} == {name for name in last["state_dict"] if name.startswith("network.")}
    rows = read_table(published[1] / "metrics.csv")
    assert float(rows[int(best["epoch"]) - 1]["test/uar"]) == max(float(row["test/uar"]) for row in rows)
    config = (published[1] / "config.yaml").read_bytes()
    assert best["config_sha256"] == hashlib.sha256(config).hexdigest()
    arguments = json.loads(best["network"])
    network = MICACL(len(json.loads(best["class_names"])), **arguments, backbone=SmallBackbone())
    network.load_state_dict(load_file(folder / "best.safetensors"))


@pytest.mark.usefixtures("no_pictures")
def test_the_same_seed_gives_the_same_predictions(train: Train, published: tuple[Outcome, Path]) -> None:
    _, again = train("seed=4")
    assert (again / "predictions.csv").read_bytes() == (published[1] / "predictions.csv").read_bytes()
    _, other = train("seed=5", "training.epochs=1")
    assert (other / "predictions.csv").read_bytes() != (published[1] / "predictions.csv").read_bytes()


@pytest.mark.usefixtures("no_pictures")
def test_an_interrupted_run_is_resumed_to_the_same_end(
    train: Train, published: tuple[Outcome, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = ExpressionModule.training_step

    def interrupted(self: ExpressionModule, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        if self.current_epoch == 1 and batch_idx == 1:
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(ExpressionModule, "training_step", interrupted)
        outcome, part = train("seed=4")
    assert outcome.status != 0
    assert "Traceback" not in outcome.shown
    assert (record_of(part)["status"], record_of(part)["error"]) == ("interrupted", "interrupted by Ctrl-C")
    outcome, rest = train("seed=4", f"ckpt_path={part}/checkpoints/last.ckpt")
    assert outcome.status == 0, outcome.shown
    assert [row["epoch"] for row in read_table(rest / "metrics.csv")] == ["1", "2"]
    assert (rest / "predictions.csv").read_bytes() == (published[1] / "predictions.csv").read_bytes()
    assert record_of(rest)["results"] == record_of(published[1])["results"]
    assert record_of(rest)["setting"] == record_of(published[1])["setting"]
    # Of another config, or with nothing left to do.
    for arguments, message in (
        (["ablation=a"], "does not fit this config"),
        (["training.epochs=1"], "nothing is left of training.epochs=1"),
    ):
        outcome, folder = train(*arguments, f"ckpt_path={part}/checkpoints/last.ckpt")
        assert outcome.status != 0
        assert message in outcome.shown
        assert "Traceback" not in outcome.shown
        assert message in record_of(folder)["error"]


def test_holdout_tests_once_at_the_end_with_the_epoch_that_validated_best(
    train: Train, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested: list[int] = []
    test_step = ExpressionModule.test_step

    def remember(self: ExpressionModule, batch: dict[str, Tensor], batch_idx: int) -> None:
        tested.extend(batch["index"].tolist())
        test_step(self, batch, batch_idx)

    monkeypatch.setattr(ExpressionModule, "test_step", remember)
    # The first epoch validates best, so that the headline must not be of the last.
    validated = [Rates(0.5, 0.9, [0.5] * 7), Rates(0.5, 0.8, [0.5] * 7)]
    monkeypatch.setattr("micacl.training.module.recognition_rates", lambda _: validated.pop(0))
    options = ["protocol=holdout", "protocol.validation_fraction=0.25", "training.learning_rate=1e-2"]
    outcome, folder = train(*options)
    assert outcome.status == 0, outcome.shown
    assert sorted(tested) == list(range(NUM_TEST_CLIPS))
    assert files_of(folder) == FILES
    rows, record = read_table(folder / "metrics.csv"), record_of(folder)
    assert [float(row["validation/uar"]) for row in rows] == pytest.approx([0.9, 0.8])
    assert not any(name.startswith("test/") for name in rows[0])
    assert record["protocol"] == "holdout"
    assert record["results"]["headline"] == "epoch 1, chosen by UAR on the validation part"
    assert record["results"]["best_on_test"] is None
    assert sum(record["class_counts"]) == 21, "seven of 28 clips, one subject of four, are held out"
    assert_each_test_clip_once(folder)
    # The predictions are those of that epoch's weights.
    settings = compose_settings(*TINY, *options, f"cache.dir={cache_dir}")
    network: Any = build_network(settings, 7)
    network.eval()
    network.load_state_dict(load_file(folder / "checkpoints" / "best.safetensors"))
    (batch,) = build_data(settings).test_dataloader()
    with torch.no_grad():
        probability_NK = network(normalize(batch["clip"])).logits_BK.softmax(-1)
    written = [[float(row[f"p_{name}"]) for name in CLASS_NAMES] for row in read_table(folder / "predictions.csv")]
    np.testing.assert_allclose(written, probability_NK, atol=1e-5)


@pytest.mark.usefixtures("no_pictures")
def test_a_loss_that_is_not_finite_leaves_the_clips_and_a_failed_run(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []
    step = ExpressionModule.training_step

    def poisoned(self: ExpressionModule, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        seen.append(batch["index"].tolist())
        if self.global_step == 2:
            batch = {**batch, "clip": batch["clip"] * float("nan")}
        return step(self, batch, batch_idx)

    monkeypatch.setattr(ExpressionModule, "training_step", poisoned)
    outcome, folder = train()
    assert outcome.status == 1
    assert outcome.shown.count("the loss is not finite at step 2") == 1
    assert "Traceback" not in outcome.shown
    record = record_of(folder)
    assert record["status"] == "failed"
    assert "not finite at step 2" in record["error"]
    rows = read_table(folder / "non_finite_batch.csv")
    assert [row["step"] for row in rows] == ["2"] * 8
    assert all(Path(row["path"]).is_file() and Path(row["path"]).stem == Path(row["clip"]).name for row in rows)
    names = build_data(compose_settings(*TINY, f"cache.dir={Path(rows[0]['path']).parents[2]}"))
    assert [row["clip"] for row in rows] == [names.clip_names("train")[i] for i in seen[-1]]


@pytest.mark.usefixtures("no_pictures")
def test_a_clip_that_cannot_be_decoded(
    train: Train, published: tuple[Outcome, Path], cache_dir: Path, tmp_path: Path
) -> None:
    (drawn,) = cache_dir.glob("synthetic-*[!k]")
    shutil.copytree(drawn, tmp_path / drawn.name)
    rows = read_table(drawn / "manifest.csv")
    bad = {fold: next(row["path"] for row in rows if row["fold"] == fold) for fold in ("1", "2")}
    for path in bad.values():
        whole = (drawn / path).read_bytes()
        (tmp_path / drawn.name / path).write_bytes(whole[: len(whole) // 2])
    outcome, folder = train(f"cache.dir={tmp_path}")
    assert outcome.status == 1
    assert "Traceback" not in outcome.shown
    named = [
        path for path in bad.values() if f"Error: {tmp_path / drawn.name / path} cannot be decoded" in outcome.shown
    ]
    assert len(named) == 1
    assert named[0] in record_of(folder)["error"]
    outcome, folder = train(f"cache.dir={tmp_path}", "dataset.on_error=skip", "training.epochs=1")
    assert outcome.status == 0, outcome.shown
    skipped = read_table(folder / "skipped_clips.csv")
    assert {row["path"] for row in skipped} == {str(tmp_path / drawn.name / path) for path in bad.values()}
    assert all(row["reason"] for row in skipped)
    assert "2 clips cannot be decoded" in outcome.shown
    assert len(read_table(folder / "predictions.csv")) == NUM_TEST_CLIPS - 1
    assert sum(record_of(folder)["class_counts"]) == 27


@pytest.mark.usefixtures("no_pictures")
def test_a_sweep_goes_on_past_failed_jobs(
    small_network: None, cache_dir: Path, tmp_path: Path, published: tuple[Outcome, Path]
) -> None:
    options = [*TINY, f"cache.dir={cache_dir}", f"hydra.sweep.dir={tmp_path}", "model.instance_length=2"]
    outcome = run_here([*options, "ablation=a,d", "seed=1..2", "model.num_frames=3,4", "-m"])
    assert outcome.status != 0
    assert "Traceback" not in outcome.shown
    records = [record_of(tmp_path / str(job)) for job in range(8)]
    assert [record["status"] for record in records].count("finished") == 4, outcome.shown
    for record in records:
        failed = "model.num_frames=3" in record["setting"]
        assert record["status"] == ("failed" if failed else "finished")
        assert record["sweep"] == tmp_path.name
    rows = read_table(tmp_path / "summary.csv")
    ours = {row["setting"]: row for row in rows if row["kind"] == "ours" and row["n"] != "0"}
    assert len(ours) == 2
    for name in ("a", "d"):
        (row,) = (row for setting, row in ours.items() if f"ablation={name}" in setting)
        assert (row["n"], row["seeds"], row["folds"]) == ("2", "1 2", "1")
        wars = [
            record["results"]["war"]
            for record in records
            if record["results"] and f"ablation={name}" in record["setting"]
        ]
        assert float(row["war_mean"]) == pytest.approx(100 * np.mean(wars), abs=1e-3)
    failed_rows = [row for row in rows if row["kind"] == "failed"]
    assert len(failed_rows) == 4
    assert all("model.num_frames=3 frames do not make whole instances" in row["error"] for row in failed_rows)
    assert (tmp_path / "summary.md").is_file()
