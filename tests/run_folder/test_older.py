"""A training and a test of its checkpoint of format 0, written by the code of November 2026, are still read.

`older/` holds both as they were written, without checkpoints and figures, and without the paths of the machine.
"""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from micacl.errors import OccupiedFolderError
from micacl.report import main as report
from micacl.reporting.one_run.table import results_table
from micacl.reporting.sweep.summary import summarize
from micacl.run.earlier_run import earlier_run
from micacl.run_folder.config import CONFIG_FILE, read_options
from micacl.run_folder.features import read_features
from micacl.run_folder.images import FRAMES_FILE, THUMBNAILS_FILE, read_images
from micacl.run_folder.instances import read_instances
from micacl.run_folder.metrics import read_metrics
from micacl.run_folder.predictions import read_predictions
from micacl.run_folder.record import FORMAT, RUN_FILE, read_run

CLASSES = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(Path(__file__).parent / "older", tmp_path / "older"))


def test_every_file_is_read(folder: Path) -> None:
    run, tested = read_run(folder / "trained"), read_run(folder / "evaluated")
    assert (run.dataset, run.fold, run.seed, run.class_names, run.class_counts) == (
        "synthetic",
        1,
        1,
        CLASSES,
        (4,) * 7,
    )
    assert run.results is not None
    assert (run.results.war, run.results.recall["disgust"], run.results.recall["fear"]) == (1 / 7, 1, 0)
    assert run.results.best_on_test is not None
    assert run.results.best_on_test.uar_epoch == 1
    assert tested.checkpoint is not None
    assert (tested.protocol, tested.checkpoint.epoch, tested.checkpoint.fold) == ("checkpoint of older", 2, 1)
    assert tested.costs is not None
    assert (tested.costs.parameters, tested.costs.clip_shape) == (36851703, (3, 4, 16, 16))

    predictions = read_predictions(run)
    assert predictions.confusion[:, 5].tolist() == [1] * 7, "every clip was taken for disgust"
    assert read_features(run).features.shape == (7, 512)
    assert read_features(run).clip == predictions.clip
    assert read_metrics(run).epoch == (1, 2)
    assert read_metrics(run).columns["train/total"] == (2.205129623413086, 2.0600826740264893)
    instances = read_instances(run)
    assert instances is not None
    assert instances.adjacency is not None
    assert {len(weights) for weights in instances.weights.values()} == {len(instances.adjacency)} == {2}
    assert read_images(run, THUMBNAILS_FILE).keys() == set(predictions.clip)
    assert {len(frames) for frames in read_images(run, FRAMES_FILE).values()} == {4}
    assert read_options(folder / "trained")["training.learning_rate"] == "0.0003"


def test_the_results_table(folder: Path) -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(results_table(folder / "trained"))
    assert isinstance(console.file, io.StringIO)
    rows = [line.split() for line in console.file.getvalue().splitlines()]
    assert ["fear", "1", "0.00"] in rows
    assert ["WAR", "14.29", "14.29", "(epoch", "1)", "14.29", "always", "happiness", "(majority)"] in rows


def test_the_summary(folder: Path) -> None:
    summarize(folder)
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["protocol"]: row for row in csv.DictReader(file)}
    assert rows.keys() == {"published", "checkpoint of older"}
    for row in rows.values():
        assert (row["kind"], row["uar_mean"], row["recall_disgust_mean"]) == ("ours", "14.2857", "100.0000")


def test_the_page_compares_its_options(folder: Path) -> None:
    other = folder / "other"
    shutil.copytree(folder / "trained", other)
    (other / RUN_FILE).write_text(
        json.dumps(json.loads((other / RUN_FILE).read_text()) | {"setting": "training.learning_rate=0.001"})
    )
    config = (other / CONFIG_FILE).read_text()
    (other / CONFIG_FILE).write_text(config.replace("learning_rate: 0.0003", "learning_rate: 0.001"))
    report([str(folder)])
    page = (folder / "report.html").read_text(encoding="utf-8")
    values = "<td>0.0003</td><td>0.001</td><td>0.0003</td>"  # of evaluated, other and trained
    assert f'<tr><th scope="row"><code>training.learning_rate</code></th>{values}</tr>' in page
    assert "What is missing" not in page
    assert "36.85 M" in page
    assert page.count('<div class="instance">') > 2


def test_a_run_of_a_newer_format_is_not_resumed(folder: Path) -> None:
    record = json.loads((folder / "trained" / RUN_FILE).read_text()) | {"format": FORMAT + 1}
    (folder / "trained" / RUN_FILE).write_text(json.dumps(record))
    with pytest.raises(OccupiedFolderError, match=r"has format 2, .*: update micacl"):
        earlier_run(folder / "trained", (folder / "trained" / CONFIG_FILE).read_text())


def test_the_same_options_are_recognized_and_others_refused(folder: Path) -> None:
    config = (folder / "trained" / CONFIG_FILE).read_text()
    assert earlier_run(folder / "trained", config).finished
    with pytest.raises(OccupiedFolderError, match=r"seed is 1 there and 2 here\. Name another folder"):
        earlier_run(folder / "trained", config.replace("\nseed: 1\n", "\nseed: 2\n"))
