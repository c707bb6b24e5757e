"""The test of a checkpoint: the same figures as the run that wrote it, under another name, and what is refused."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from tests.run_folders import aliases_of_aliases
from tests.runs import TINY, Outcome, read_table, run_here
from tests.training.test_pretrained import Bomb

from micacl.data.expressions import CLASS_NAMES
from micacl.evaluate import main as evaluate_main
from micacl.report import main as report_main

FILES = {
    "adjacency.png", "config.yaml", "confusion_matrix.png", "features.npz", "frames.npz", "instance_weights.png",
    "instances.npz", "predictions.csv", "run.json", "thumbnails.npz", "tsne.png",
}  # fmt: skip
# The machine's, which no run folder decides.
HERE = ("trainer=cpu", "dataset.num_workers=0")

Evaluate = Callable[..., tuple[Outcome, Path]]


def record_of(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return record


@pytest.fixture(scope="module")
def runs(small_network: None, cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each protocol, neither of them the default network, fold or seed."""
    folders = {}
    for protocol, options in (("published", []), ("holdout", ["protocol.validation_fraction=0.25"])):
        folder = folders[protocol] = tmp_path_factory.mktemp(protocol)
        network = ["ablation=c", "model.geiim.embedding_dim=4", "model.attention.num_heads=4", "fold=2", "seed=3"]
        options = [f"protocol={protocol}", *options, *network, "training.epochs=2", f"cache.dir={cache_dir}"]
        outcome = run_here([*TINY, *options, f"hydra.run.dir={folder}"])
        assert outcome.status == 0, outcome.shown
    return folders


@pytest.fixture
def evaluate(cache_dir: Path, tmp_path: Path) -> Evaluate:
    """Tests a checkpoint in this process; gives how it ended and the folder."""

    def run(checkpoint: Path | None, *arguments: str) -> tuple[Outcome, Path]:
        folder = tmp_path / "tested"
        path = [] if checkpoint is None else [f"ckpt_path={checkpoint}"]
        options = [*path, *HERE, f"cache.dir={cache_dir}", f"hydra.run.dir={folder}"]
        return run_here([*options, *arguments], evaluate_main), folder

    return run


@pytest.mark.parametrize(
    ("protocol", "name", "headline"),
    [
        ("published", "last.ckpt", r"epoch 2, kept in last\.ckpt"),
        ("holdout", "best.safetensors", r"epoch [12], kept in best\.safetensors, chosen by UAR on the validation part"),
    ],
)
def test_it_says_what_the_run_that_wrote_it_said(
    runs: dict[str, Path], evaluate: Evaluate, protocol: str, name: str, headline: str
) -> None:
    run = runs[protocol]
    outcome, folder = evaluate(run / "checkpoints" / name)
    assert outcome.status == 0, outcome.shown
    assert (folder / "predictions.csv").read_bytes() == (run / "predictions.csv").read_bytes()
    assert {path.name for path in folder.iterdir() if path.suffix != ".log" and path.name != ".hydra"} == FILES
    ours, theirs = record_of(folder), record_of(run)
    for same in ("dataset", "class_names", "fold", "seed", "ablation", "class_counts", "data_manifest", "precision"):
        assert ours[same] == theirs[same], same
    assert ours["setting"] == theirs["setting"]  # trainer=cpu says where it ran
    assert (ours["status"], ours["protocol"]) == ("finished", f"checkpoint of {run.name}")
    assert re.fullmatch(headline, ours["results"]["headline"])
    assert ours["results"]["recall"] == theirs["results"]["recall"]
    assert ours["results"]["best_on_test"] is None
    assert f"measured at: {ours['results']['headline']}" in " ".join(outcome.shown.split())
    assert "1.69 G" in outcome.shown
    costs = ours["costs"]
    assert costs["clip_shape"] == [3, 4, 16, 16]
    state = load_file(run / "checkpoints" / "best.safetensors")
    assert costs["parameters"] == sum(value.numel() for value in state.values())
    assert costs["latency_ms"] > 0
    config, before = (yaml.safe_load((path / "config.yaml").read_text()) for path in (folder, run))
    assert config.keys() == before.keys()
    assert {**config["model"], "backbone": None} == {**before["model"], "backbone": None}


@pytest.mark.usefixtures("no_pictures")
def test_the_best_epoch_of_a_published_run_is_chosen_on_the_test_split(
    runs: dict[str, Path], evaluate: Evaluate
) -> None:
    run = runs["published"]
    outcome, folder = evaluate(run / "checkpoints" / "best.safetensors")
    assert outcome.status == 0, outcome.shown
    results = record_of(folder)["results"]
    assert results["headline"].endswith("kept in best.safetensors, chosen by UAR on the test split")
    assert results["uar"] == pytest.approx(record_of(run)["results"]["best_on_test"]["uar"])


@pytest.mark.usefixtures("no_pictures")
def test_another_fold_is_tested_with_a_warning(runs: dict[str, Path], evaluate: Evaluate, tmp_path: Path) -> None:
    outcome, folder = evaluate(runs["published"] / "checkpoints" / "last.ckpt", "fold=4")
    assert outcome.status == 0, outcome.shown
    assert "was trained for fold 2: it has learned from the clips that fold 4 tests" in outcome.shown
    assert record_of(folder)["fold"] == 4
    clips = [{row["clip"] for row in read_table(path / "predictions.csv")} for path in (folder, runs["published"])]
    assert not clips[0] & clips[1]
    report_main([str(folder), "--out", str(tmp_path / "report.html")])
    assert "trained for fold 2 and tested on fold 4" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("no_pictures")
def test_a_sweep_over_checkpoints_is_summarised(runs: dict[str, Path], evaluate: Evaluate, tmp_path: Path) -> None:
    paths = ",".join(str(run / "checkpoints" / "last.ckpt") for run in runs.values())
    outcome, _ = evaluate(None, f"ckpt_path={paths},none.ckpt", f"hydra.sweep.dir={tmp_path}/sweep", "-m")
    assert outcome.status != 0
    assert outcome.shown.count("This job stops: there is no checkpoint none.ckpt") == 1
    rows = read_table(tmp_path / "sweep" / "summary.csv")
    protocols = {row["protocol"] for row in rows if row["kind"] == "ours" and row["n"] == "1"}
    assert protocols == {f"checkpoint of {run.name}" for run in runs.values()}
    assert [row["error"].split(";")[0] for row in rows if row["kind"] == "failed"] == [
        "there is no checkpoint none.ckpt"
    ]


@pytest.mark.usefixtures("no_pictures")
def test_options_that_no_shape_tells_are_overridden_with_a_warning(runs: dict[str, Path], evaluate: Evaluate) -> None:
    outcome, folder = evaluate(runs["published"] / "checkpoints" / "last.ckpt", "model.attention.num_heads=2")
    assert outcome.status == 0, outcome.shown
    assert "model.attention.num_heads=2 is not the 4 that" in outcome.shown
    assert (folder / "predictions.csv").read_bytes() != (runs["published"] / "predictions.csv").read_bytes()


@pytest.mark.usefixtures("no_pictures")
def test_a_checkpoint_that_lies_elsewhere_needs_its_options(
    runs: dict[str, Path], evaluate: Evaluate, tmp_path: Path
) -> None:
    path = shutil.copy(runs["published"] / "checkpoints" / "last.ckpt", tmp_path / "moved.ckpt")
    elsewhere = [*TINY, "fold=2", "ablation=c", "model.attention.num_heads=4"]
    outcome, folder = evaluate(path, *elsewhere)
    assert outcome.status != 0
    assert "model.geiim.embedding_dim" in outcome.shown
    outcome, folder = evaluate(path, *elsewhere, "model.geiim.embedding_dim=4")
    assert outcome.status == 0, outcome.shown
    assert "lies in no run folder" in outcome.shown
    assert record_of(folder)["protocol"] == "checkpoint of moved.ckpt"
    assert record_of(folder)["class_counts"] is None
    assert (folder / "predictions.csv").read_bytes() == (runs["published"] / "predictions.csv").read_bytes()


@pytest.fixture
def copied(runs: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of a run, to be spoilt; its checkpoints are links to the run's, so they are replaced, not written over."""

    def copy(source: str, target: str) -> None:
        (os.link if "checkpoints" in Path(source).parts else shutil.copy)(source, target)

    folder = tmp_path / "copied"
    shutil.copytree(runs["published"], folder, copy_function=copy)
    return folder


def rewrite(checkpoint: Path, **fields: Any) -> None:
    content = torch.load(checkpoint, weights_only=True)
    checkpoint.unlink()
    torch.save(content | fields, checkpoint)


def bomb(run: Path) -> None:
    rewrite(run / "checkpoints" / "last.ckpt", x=Bomb(run / "executed"))


def spoil_classes(class_names: list[Any]) -> Callable[[Path], None]:
    return lambda run: rewrite(run / "checkpoints" / "last.ckpt", class_names=class_names)


def config(text: str) -> Callable[[Path], None]:
    def spoil(run: Path) -> None:
        with (run / "config.yaml").open("a", encoding="utf-8") as file:
            file.write(text)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "arguments", "messages"),
    [
        (None, ["ablation=a"], ["do not describe the network", "is unknown to this config", "ablation.geiim"]),
        (None, ["ablation.wian=false"], ["do not describe the network", "ablation.wian"]),
        (None, ["model.num_frames=8"], ["do not describe", "(1, 2, 3) there and (1, 4, 3) here", "model.num_frames"]),
        (None, ["model.geiim.kernels=[1,3]"], ["do not describe the network", "model.geiim.kernels"]),
        (None, ["experiment=smoke"], ["leave out experiment="]),
        (None, ["logger=wandb"], ["leave out logger="]),
        (None, ["dataset=dfew"], ["DFEW was not found: dataset.root is not set"]),
        (None, ["fold=9"], ["fold is 9; the built-in data set has the folds 1 to 5"]),
        (bomb, [], ["never loaded"]),
        (spoil_classes(list(reversed(CLASS_NAMES))), [], ["trained on the classes fear, disgust", "in the same order"]),
        (spoil_classes([*CLASS_NAMES[:-1], "contempt"]), [], ["disgust, contempt, this data set", "must be the same"]),
        (spoil_classes([1, 2]), [], ["is no checkpoint of micacl.train"]),
        (lambda run: rewrite(run / "checkpoints/last.ckpt", state_dict={"a": 1}), [], ["is no checkpoint of micacl"]),
        (lambda run: rewrite(run / "checkpoints/last.ckpt", epoch="one"), [], ["is no checkpoint of micacl.train"]),
        (lambda run: (run / "config.yaml").write_text("- 1"), [], ["config.yaml is damaged: it holds no options"]),
        (lambda run: (run / "config.yaml").write_bytes(b"\xff"), [], ["config.yaml is damaged and cannot be read"]),
        (config("model: !!python/object/apply:os.system [exit]\n"), [], ["config.yaml is damaged and cannot be read"]),
        (config(aliases_of_aliases(levels=5)), [], ["cannot be read as YAML: it holds an alias"]),
        (config("seed: ${oc.env:HOME}\n"), [], ["config.yaml is not as a run wrote it: seed is"]),
        (config("_target_: os.system\nstart: exit\n"), [], ["is not as a run wrote it: _target_ is 'os.system'"]),
        (config("model: {_target_: os.system}\n"), [], ["config.yaml is not as a run wrote it: model._target_ is"]),
        (config("dataset: {class_names: [{_target_: os.system}]}\n"), [], ["config.yaml is not as a run wrote it"]),
        (config("seed: ???\n"), [], ["config.yaml is not as a run wrote it: seed is"]),
        (config("dataset: {root: /etc}\n"), [], ["dataset.root=/etc, and a run folder's paths are not followed"]),
        (config("dataset: {train_list: ../../x}\n"), [], ["dataset.train_list=../../x, and a run folder's paths"]),
        (config("dataset: {name: ../../x}\n"), [], ["there is no data set '../../x'"]),
        (config("model: {num_frames: many}\n"), [], ["does not fit this version of micacl: model.num_frames=many"]),
        (config("model: {depth: 3}\n"), [], ["does not fit this version of micacl: model.depth=3"]),
        (lambda run: (run / "run.json").write_text("{"), [], ["run.json is damaged"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_one_message(
    copied: Path, evaluate: Evaluate, spoil: Callable[[Path], Any] | None, arguments: list[str], messages: list[str]
) -> None:
    if spoil is not None:
        spoil(copied)
    outcome, folder = evaluate(copied / "checkpoints" / "last.ckpt", *arguments)
    assert_refused(outcome, messages)
    assert not (copied / "executed").exists()
    assert record_of(folder)["status"] == "failed"
    assert not (folder / "predictions.csv").exists()


def assert_refused(outcome: Outcome, messages: list[str]) -> None:
    assert outcome.status == 1
    for message in messages:
        assert message in outcome.shown, outcome.shown
    assert outcome.shown.count("Error: ") == 1
    assert "Traceback" not in outcome.shown


def test_what_is_no_file_is_refused(evaluate: Evaluate, tmp_path: Path, small_network: None) -> None:
    assert_refused(evaluate(None)[0], ["nothing to test: set ckpt_path to a checkpoint"])
    assert_refused(evaluate(tmp_path / "none.ckpt")[0], ["there is no checkpoint", "none.ckpt"])
    assert_refused(evaluate(tmp_path)[0], [f"there is no checkpoint {tmp_path}; set ckpt_path to a file"])
    (tmp_path / "empty.ckpt").touch()
    assert_refused(evaluate(tmp_path / "empty.ckpt")[0], ["empty.ckpt cannot be read"])


@pytest.mark.usefixtures("no_pictures")
def test_the_report_takes_it_for_what_it_is(runs: dict[str, Path], evaluate: Evaluate, tmp_path: Path) -> None:
    run = runs["published"]
    _, folder = evaluate(run / "checkpoints" / "last.ckpt")
    report_main([str(folder), "--out", str(tmp_path / "alone.html")])
    alone = (tmp_path / "alone.html").read_text(encoding="utf-8")
    assert f"checkpoint of {run.name}: epoch kept in last.ckpt" in alone
    assert "Nothing was trained here: these are tests of checkpoints." in alone
    assert "metrics.csv is missing" not in alone
    assert 'id="s1-missing"' not in alone
    assert "Costs of the networks" in alone
    report_main([str(run), str(folder), "--out", str(tmp_path / "both.html")])
    both = (tmp_path / "both.html").read_text(encoding="utf-8")
    rows = re.findall(r'<tr class="ours">.*?</tr>', both, flags=re.DOTALL)
    assert len(rows) == 2, "a training and the test of its checkpoint are never averaged"
    assert "published: last epoch" in rows[0]
    assert f"checkpoint of {run.name}" in rows[1]


def test_help_and_config_are_shown_without_torch() -> None:
    script = "import sys; from micacl.evaluate import main\ntry: main()\nfinally: assert 'torch' not in sys.modules"
    for arguments, expected in ((["--help"], "micacl.evaluate ckpt_path="), (["--cfg", "job"], "ckpt_path: null")):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout
