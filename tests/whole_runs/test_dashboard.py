"""An offline run holds everything that its folder holds, with the same values."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import confusion_matrix
from tests.dashboard.wandb_file import OfflineRun
from tests.runs import TINY, read_table, run_here

from micacl.data.expressions import CLASS_NAMES
from micacl.report import main as report
from micacl.reporting.one_run.embedding import embed_run
from micacl.run_folder.images import FRAMES_FILE, THUMBNAILS_FILE, read_images
from micacl.run_folder.instances import read_instances
from micacl.run_folder.metrics import METRICS_FILE
from micacl.run_folder.names import ADJACENCY_FILE, CONFUSION_MATRIX_FILE, INSTANCE_WEIGHTS_FILE, TSNE_FILE
from micacl.run_folder.predictions import PREDICTIONS_FILE
from micacl.run_folder.record import read_run

TERMS = ("cross_entropy", "intensity_aware", "feature_augmentation", "contrastive", "contrastive_scale_512",
         "contrastive_scale_256", "contrastive_scale_128", "total")  # fmt: skip


@pytest.fixture(scope="module")
def folder(small_network: None, cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logged")
    options = [*TINY, f"cache.dir={cache_dir}", f"hydra.run.dir={folder}", "logger=wandb", "logger.project=faces"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        outcome = run_here([*options, "training.epochs=2"])
    assert outcome.status == 0, outcome.shown
    assert "W&B" not in outcome.shown
    return folder


@pytest.fixture(scope="module")
def offline(folder: Path) -> OfflineRun:
    (path,) = (folder / "wandb").glob("offline-run-*")
    return OfflineRun(path)


def test_every_epoch_is_that_of_metrics_csv(folder: Path, offline: OfflineRun) -> None:
    rows = read_table(folder / METRICS_FILE)
    logged = [step for step in offline.steps if "epoch" in step and "train/total" in step]
    assert len(rows) == len(logged) == 2
    for row, step in zip(rows, logged, strict=True):
        assert {name: step[name] for name in row} == {name: float(value) for name, value in row.items()}
    wanted = {f"train/{term}" for term in TERMS} | {"learning_rate", "geiim/alpha", "mccl/temperature"}
    wanted |= {"test/war", "test/uar"} | {f"test/recall_{name}" for name in CLASS_NAMES}
    assert wanted <= set(logged[0])
    assert (offline.run.project, offline.run.job_type, offline.run.run_group) == ("faces", "train", "")
    assert offline.ended


def test_the_confusion_matrix_is_that_of_predictions_csv(folder: Path, offline: OfflineRun) -> None:
    rows = read_table(folder / PREDICTIONS_FILE)
    labels, predictions = [row["label"] for row in rows], [row["prediction"] for row in rows]
    for name, normalize in (("counts", None), ("shares", "true")):
        table = offline.table(f"confusion_matrix/{name}_table")
        expected = confusion_matrix(labels, predictions, labels=CLASS_NAMES, normalize=normalize)
        found = {(row["Actual"], row["Predicted"]): row["nPredictions"] for row in table}
        assert found == {
            (label, prediction): pytest.approx(expected[k, j])
            for k, label in enumerate(CLASS_NAMES)
            for j, prediction in enumerate(CLASS_NAMES)
        }


def test_predictions_and_headline(folder: Path, offline: OfflineRun) -> None:
    table = [{name: str(cell) for name, cell in row.items()} for row in offline.table("clips/predictions")]
    rows = read_table(folder / PREDICTIONS_FILE)
    assert [row["clip"] for row in table] == [row["clip"] for row in rows]
    for found, row in zip(table, rows, strict=True):
        assert (found["label"], found["prediction"]) == (row["label"], row["prediction"])
        assert [float(found[f"p_{name}"]) for name in CLASS_NAMES] == [float(row[f"p_{name}"]) for name in CLASS_NAMES]
    results = read_run(folder).results
    assert results is not None
    assert offline.summary["headline/war"] == results.war
    assert offline.summary["headline/uar"] == results.uar
    assert {name: offline.summary[f"headline/recall_{name}"] for name in CLASS_NAMES} == results.recall


def test_tsne_has_every_clip_with_its_middle_frame(folder: Path, offline: OfflineRun) -> None:
    run = read_run(folder)
    points = embed_run(run).points
    assert points is not None
    thumbnails = read_images(run, THUMBNAILS_FILE)
    table, rows = offline.table("tsne/table"), read_table(folder / PREDICTIONS_FILE)
    np.testing.assert_allclose([[row["x"], row["y"]] for row in table], points, rtol=1e-5)
    said = ("clip", "label", "prediction")
    assert [[row[name] for name in said] for row in table] == [[row[name] for name in said] for row in rows]
    for row in table:
        logged = Image.open(row["frame"]).convert("RGB")
        kept = Image.open(io.BytesIO(thumbnails[row["clip"]][0])).convert("RGB")
        assert logged.size == kept.size == (64, 64)
        assert np.abs(np.asarray(logged, float) - np.asarray(kept, float)).mean() < 4, "encoded as JPEG once more"


def test_chosen_clips_as_videos(folder: Path, offline: OfflineRun) -> None:
    run = read_run(folder)
    frames = read_images(run, FRAMES_FILE)
    rows = {row["clip"]: row for row in read_table(folder / PREDICTIONS_FILE)}
    table = offline.table("clips/chosen")
    assert {row["clip"] for row in table} == set(frames)
    for row in table:
        said = rows[row["clip"]]
        assert (row["label"], row["prediction"]) == (said["label"], said["prediction"])
        assert row["p of label"] == float(said[f"p_{said['label']}"])
        assert row["p of prediction"] == float(said[f"p_{said['prediction']}"])
        assert row["chosen as"] == ("confident mistake" if row["label"] != row["prediction"] else "tail class")
        assert folder in row["video"].parents, "the run folder has everything"
        video: Any
        with Image.open(row["video"]) as video:
            assert (video.format, video.n_frames, video.size) == ("GIF", 4, (112, 112))
            for n, kept in enumerate(frames[row["clip"]]):
                video.seek(n)
                shown = np.asarray(video.convert("RGB").resize((16, 16), Image.Resampling.NEAREST), float)
                assert np.abs(shown - np.asarray(Image.open(io.BytesIO(kept)), float)).mean() < 16


def test_instances_are_recorded_and_drawn(folder: Path, offline: OfflineRun) -> None:
    instances = read_instances(read_run(folder))
    assert instances is not None
    assert instances.adjacency is not None
    np.testing.assert_allclose(instances.adjacency.sum(axis=1), 1, rtol=1e-5)
    assert list(instances.weights) == [row["clip"] for row in read_table(folder / PREDICTIONS_FILE)]
    np.testing.assert_allclose([weights.sum() for weights in instances.weights.values()], 1, rtol=1e-5)
    for name, file in (
        ("instances/adjacency", ADJACENCY_FILE),
        ("instances/weights", INSTANCE_WEIGHTS_FILE),
        ("confusion_matrix/picture", CONFUSION_MATRIX_FILE),
        ("tsne/picture", TSNE_FILE),
    ):
        assert offline.file(offline.item(name)).read_bytes() == (folder / file).read_bytes()


def test_a_w_and_b_that_fails_changes_no_result(
    folder: Path, cache_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr("wandb.sdk.wandb_run.Run.log", fail)
    options = [*TINY, f"cache.dir={cache_dir}", f"hydra.run.dir={tmp_path}", "logger=wandb", "training.epochs=2"]
    outcome = run_here(options)
    assert outcome.status == 0, outcome.shown
    assert outcome.shown.count("W&B stopped working (No space left on device)") == 1
    assert (tmp_path / PREDICTIONS_FILE).read_bytes() == (folder / PREDICTIONS_FILE).read_bytes()
    assert read_run(tmp_path).results == read_run(folder).results


def test_the_jobs_of_a_real_sweep_and_its_summary_are_one_group(
    small_network: None, cache_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    options = [*TINY, f"cache.dir={cache_dir}", f"hydra.sweep.dir={tmp_path}", "logger=wandb", "ablation=a,b", "-m"]
    outcome = run_here(options)
    assert outcome.status == 0, outcome.shown
    paths = [*tmp_path.glob("*/wandb/offline-run-*"), *tmp_path.glob("wandb/offline-run-*")]
    runs = [OfflineRun(path) for path in paths]
    assert sorted(run.run.job_type for run in runs) == ["summary", "train", "train"]
    assert {run.run.run_group for run in runs} == {tmp_path.name}
    # Neither has WIAN, and only the second has GEIIM.
    assert not (tmp_path / "0" / "instances.npz").exists()
    instances = read_instances(read_run(tmp_path / "1"))
    assert instances is not None
    assert instances.adjacency is not None
    assert not instances.weights
    assert (tmp_path / "1" / "adjacency.png").exists()
    assert not (tmp_path / "1" / "instance_weights.png").exists()
    report([str(tmp_path / "1")])
    page = (tmp_path / "1" / "report.html").read_text(encoding="utf-8")
    assert "A network without WIAN has no instance weights" in page
    assert "adjacency A" in page
