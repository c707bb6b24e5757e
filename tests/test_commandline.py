"""The command line: ranges, what composes, what is refused and how it is said."""

import itertools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.runs import TINY, Outcome, compose_settings, read_table, run_apart, run_here

from micacl.build import build_loss, build_network, check_options
from micacl.commandline import config_folder, expand_ranges
from micacl.errors import UserError
from micacl.losses import CrossEntropyLoss, MCCLLoss
from micacl.models import GEIIM, WIAN


@pytest.mark.parametrize(
    ("argument", "expanded"),
    [
        ("fold=1..3", "fold=1,2,3"),
        ("fold=4..4", "fold=4"),
        ("seed=-2..1", "seed=-2,-1,0,1"),
        ("seed=-3..-2", "seed=-3,-2"),
        ("seed=7,9..11,20", "seed=7,9,10,11,20"),
        ("+seed=1..2", "+seed=1,2"),
        ("training.epochs=08..10", "training.epochs=8,9,10"),
        # No range between whole numbers: as it is.
        *(
            (argument, argument)
            for argument in (
                "fold=1",
                "dataset.root=../data",
                "dataset.root=..",
                "dataset.root=/a..b",
                "dataset.root=/a/1..5",
                "dataset.root=/data/../1,/data/../2",
                "hydra.run.dir=../x",
                "ablation=a..d",
                "training.learning_rate=1e-3..1e-2",
                "training.weight_decay=0.1..0.3",
                "fold=1...3",
                "fold=1..3..5",
                "fold=..3",
                "fold=1..",
                "loss.contrastive.scales=[1..3]",
                "loss.contrastive.scales=[512,1..3,4]",
                "logger.project='1..3'",
                'logger.project="1..3"',
                "fold=range(1,3)",
                "1..3",
                "-m",
                "--config-dir=../conf",
                "fold=",
                "fold",
                "=",
                "",
            )
        ),
    ],
)
def test_ranges(argument: str, expanded: str) -> None:
    assert expand_ranges([argument]) == [expanded]


@given(st.integers(-50, 50), st.integers(0, 30))
def test_a_range_has_both_ends_and_all_between(first: int, more: int) -> None:
    (expanded,) = expand_ranges([f"seed={first}..{first + more}"])
    assert [int(number) for number in expanded.removeprefix("seed=").split(",")] == list(range(first, first + more + 1))


def test_a_descending_range_is_an_error() -> None:
    with pytest.raises(UserError, match=r"seed=2,5\.\.3: the range 5\.\.3 is empty; write 3\.\.5"):
        expand_ranges(["seed=2,5..3"])


def assert_refused(outcome: Outcome, *messages: str) -> None:
    """One message, which says all of `messages`, a status that is not 0, and no traceback."""
    assert outcome.status != 0
    for message in messages:
        assert message in outcome.shown
    assert "Traceback" not in outcome.shown
    assert 'File "' not in outcome.shown
    assert outcome.shown.count("Error: ") <= 1


def refused(tmp_path: Path, *arguments: str) -> Outcome:
    return run_here([*TINY, f"cache.dir={tmp_path}/cache", f"hydra.run.dir={tmp_path}/run", *arguments])


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (["trainer.gpus=2"], ["trainer.gpus", "Could not override"]),
        (["epochs=2"], ["epochs", "Could not override"]),
        (["+training.momentum=0.9"], ["Error: there is no option training.momentum; --help"]),
        (["+epochs=2"], ["Error: there is no option epochs; --help"]),
        (["dataset=oulu"], ["ferv39k", "synthetic", "dfew"]),
        (["ablation=e"], ["Could not find 'ablation/e'"]),
        (["ablation=a..d"], ["Could not find 'ablation/a..d'"]),
        (["seed=abc"], ["'abc'", "seed"]),
        (["fold=1.5"], ["1.5", "fold"]),
        (["training.learning_rate=high"], ["'high'", "training.learning_rate"]),
        (["ablation.mccl=maybe"], ["maybe", "ablation.mccl"]),
        (["fold=1..2"], ["Ambiguous value for argument 'fold=1,2'", "--multirun"]),
        (["fold=3..1"], ["Error: fold=3..1: the range 3..1 is empty; write 1..3"]),
        (["fold=6"], ["Error: fold is 6; the built-in data set has the folds 1 to 5"]),
        (["fold=0"], ["Error: fold is 0; the built-in data set has the folds 1 to 5"]),
        (["dataset.synthetic.num_clips=3"], ["Error: synthetic: 3 clips are too few", "set num_clips to 35 or more"]),
        (["dataset.synthetic=null"], ["Error: dataset=synthetic needs its recipe"]),
        (["dataset.name=other"], ["Error: there is no data set 'other'"]),
        (
            ["model.num_frames=10", "model.instance_length=4"],
            ["Error: model.num_frames=10 frames do not make whole instances of model.instance_length=4 frames"],
        ),
        (["seed=-1"], ["Error: seed=-1 is out of range; set it to 0 to 4294967295"]),
        (["seed=4294967296"], ["Error: seed=4294967296 is out of range"]),
        (["training.epochs=0"], ["Error: training.epochs=0 is out of range; set it to 1 or more"]),
        (["training.epochs=-1"], ["Error: training.epochs=-1 is out of range"]),
        (["training.batch_size=0"], ["Error: training.batch_size=0 is out of range; set it to 1 or more"]),
        (["training.learning_rate=-1e-3"], ["Error: training.learning_rate=-0.001 is out of range"]),
        (["training.learning_rate=0"], ["Error: training.learning_rate=0.0 is out of range; set it to more than 0"]),
        (["training.learning_rate=nan"], ["Error: training.learning_rate=nan is out of range"]),
        (["training.min_learning_rate=1"], ["Error: training.min_learning_rate=1.0 is out of range"]),
        (["training.weight_decay=-1"], ["Error: training.weight_decay=-1.0 is out of range"]),
        (["training.warmup_epochs=-1"], ["Error: training.warmup_epochs=-1.0 is out of range"]),
        (["training.warmup_epochs=1.5"], ["training.warmup_epochs=1.5 is out of range; set it to 0 to training.epochs=1"]),
        (["training.gradient_clip_norm=0"], ["Error: training.gradient_clip_norm=0.0 is out of range"]),
        (["loss.label_smoothing=1.5"], ["Error: loss.label_smoothing=1.5 is out of range; set it to 0 to 1"]),
        (
            ["trainer.precision=16-mixed"],
            ["Error: trainer.precision=16-mixed is out of range", "bf16-mixed or 32-true"],
        ),
        (["logger.name=tensorboard"], ["Error: logger.name=tensorboard is out of range; set it to wandb or none"]),
        (["model.attention.num_heads=0"], ["Error: model.attention.num_heads=0 is out of range"]),
        (["model.geiim.embedding_dim=0"], ["Error: model.geiim.embedding_dim=0 is out of range"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and "=" in value[0] else "",
)
def test_bad_input_is_refused_in_one_message(tmp_path: Path, arguments: list[str], messages: list[str]) -> None:
    outcome = refused(tmp_path, *arguments)
    assert_refused(outcome, *messages)
    assert not (tmp_path / "cache").exists(), "nothing was drawn for a run that cannot be"


def test_dfew_says_what_is_missing_what_is_expected_and_how_to_get_it(tmp_path: Path) -> None:
    def refused_dfew(*arguments: str) -> Outcome:
        return run_here(["dataset=dfew", "logger=none", f"hydra.run.dir={tmp_path}/run", *arguments])

    help_ = ["Clip", "set_1.csv", "https://dfew-dataset.github.io", "set dataset.root=/path/to/DFEW"]
    assert_refused(refused_dfew(), "Error: DFEW was not found: dataset.root is not set.", *help_)
    assert_refused(refused_dfew(f"dataset.root={tmp_path}/none"), f"{tmp_path}/none is not a folder", *help_)
    assert_refused(refused_dfew(f"dataset.root={tmp_path}"), f"{tmp_path}/EmoLabel_DataSplit", *help_)
    assert_refused(refused_dfew("fold=6"), "Error: fold is 6; DFEW has the folds 1 to 5")


@pytest.fixture
def drawn(cache_dir: Path, small_network: None) -> list[str]:
    """The options of a run on clips that are drawn once for all tests."""
    return [*TINY, f"cache.dir={cache_dir}"]


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (["trainer=gpu"], ["Error: trainer: No supported gpu backend found"]),
        (["trainer.accelerator=abacus"], ["Error: trainer:", "abacus"]),
        (["trainer.devices=0"], ["Error: trainer:", "devices"]),
        (["trainer.devices=some"], ["Error: trainer:", "devices"]),
        (["trainer.strategy=luck"], ["Error: trainer:", "luck"]),
        (["model.backbone.weights=IMAGENET"], ["Error: model.backbone.weights=IMAGENET is neither", "KINETICS400_V1"]),
        (["model.attention.num_heads=3"], ["Error: model: feature_dim=512 is not divisible by num_heads=3"]),
        (["model.geiim.kernels=[2]"], ["Error: model: GEIIM needs odd kernel sizes"]),
        (["model.wian.weight_scale=other"], ["Error: model: weight_scale must be one of"]),
        (["loss.contrastive.scales=[1024]"], ["Error: loss.contrastive: scales must lie in 1..512"]),
        (["loss.contrastive.form=linear"], ["Error: loss.contrastive: form must be one of"]),
        (["loss.name=focal"], ["Error: there is no loss 'focal'"]),
        (["dataset.num_workers=many"], ["Error: num_workers is many"]),
        (["dataset.on_error=ignore"], ["Error: on_error is ignore; set it to raise or skip"]),
        (["dataset.size=0"], ["Error: size is 0"]),
        (["dataset.crop_scale=[0.5]"], ["Error: crop_scale is [0.5]"]),
        (["protocol.validation_fraction=0.9"], ["Error: validation_fraction is 0.9"]),
        (["ckpt_path=none.ckpt"], ["Error: there is no checkpoint none.ckpt"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and "=" in value[0] else "",
)
def test_bad_input_that_shows_once_the_data_is_there(
    tmp_path: Path, drawn: list[str], arguments: list[str], messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert_refused(run_here([*drawn, f"hydra.run.dir={tmp_path}", *arguments]), *messages)


def test_a_value_that_is_missing(tmp_path: Path) -> None:
    outcome = run_here(["dataset.name=???", "logger=none", f"hydra.run.dir={tmp_path}"])
    assert_refused(outcome, "Error: ", "missing mandatory value: name", "dataset.name")


def test_a_sweep_does_not_start_processes_that_would_sweep_themselves(tmp_path: Path, drawn: list[str]) -> None:
    two = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
    outcome = run_here([*drawn, *two, "fold=1,2", f"hydra.sweep.dir={tmp_path}", "-m"])
    assert outcome.status != 0
    assert outcome.shown.count("This job stops: a job of a sweep runs on one device") == 2


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert_refused(refused(tmp_path), f"Error: cannot write the built-in data set to {tmp_path}/cache")


def test_the_traceback_is_shown_on_demand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(Exception, match="fold is 6"):  # Python prints what is raised with its traceback
        refused(tmp_path, "fold=6")


def test_a_sweep_of_failures_is_summarised(tmp_path: Path) -> None:
    outcome = run_here(["dataset=dfew", "fold=1..5", "logger=none", f"hydra.sweep.dir={tmp_path}", "-m"])
    assert_refused(outcome)
    assert outcome.shown.count("This job stops: DFEW was not found") == 5
    rows = [row for row in read_table(tmp_path / "summary.csv") if row["kind"] == "failed"]
    assert [(row["job"], row["fold"], row["status"]) for row in rows] == [
        (str(job), str(job + 1), "failed") for job in range(5)
    ]
    assert all("dataset.root is not set" in row["error"] for row in rows)
    assert "dataset.root is not set" in (tmp_path / "summary.md").read_text()


def test_a_sweep_that_cannot_start_says_so_once(tmp_path: Path) -> None:
    outcome = run_here(["epochs=1,2", f"hydra.sweep.dir={tmp_path}", "-m"])
    assert_refused(outcome, "Could not override 'epochs'")


def test_help_and_config_are_shown_without_torch() -> None:
    script = """
import sys
from micacl.train import main
try:
    main()
finally:
    sys.stdout.flush()
    slow = {"torch", "lightning", "numpy", "wandb", "rich", "sklearn", "matplotlib"} & set(sys.modules)
    print("loaded:", sorted(slow), file=sys.stderr)
"""
    for arguments, expected in (
        (
            ["--help"],
            [
                "dataset: dfew, ferv39k, folder, list, mafw, synthetic",
                "ablation: a, b, c, d",
                "fold=1..5 -m",
                "num_frames: ",
            ],
        ),
        (["--cfg", "job", "dataset=dfew"], ["num_frames: 16", "fold: 1"]),
        (["--cfg", "job", "--resolve", "ablation=a"], ["geiim: false"]),
    ):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        for text in expected:
            assert text in done.stdout
        assert "loaded: []" in done.stderr


def groups() -> dict[str, list[str]]:
    return {
        folder.name: sorted(path.stem for path in folder.glob("*.yaml"))
        for folder in sorted(config_folder().iterdir())
        if folder.is_dir()
    }


def options() -> list[str]:
    return [f"{group}={name}" for group, names in groups().items() for name in names if name != "common"]


def test_the_groups_are_those_of_the_design() -> None:
    assert list(groups()) == [
        "ablation", "dataset", "experiment", "logger", "loss", "model", "protocol", "trainer", "training",
    ]  # fmt: skip


@pytest.mark.parametrize("option", options())
@pytest.mark.parametrize("dataset", ["synthetic", "dfew"])
def test_every_option_composes_with_every_data_set(option: str, dataset: str) -> None:
    settings = compose_settings(f"dataset={dataset}", option) if "dataset=" not in option else compose_settings(option)
    check_options(settings)
    assert settings.seed == 1


def test_an_option_wins_over_its_group_and_an_experiment_over_a_data_set() -> None:
    assert compose_settings().training.epochs == compose_settings("training=minutes").training.epochs
    assert compose_settings("dataset=dfew").training.epochs == 300
    assert compose_settings("dataset=dfew").model.backbone.weights == "KINETICS400_V1"
    assert compose_settings().model.backbone.weights is None
    paper = compose_settings("experiment=paper")
    assert (paper.training.epochs, paper.dataset.size, paper.model.num_frames) == (300, 112, 16)
    assert (paper.training.learning_rate, paper.training.min_learning_rate) == (4e-4, 3e-6)
    assert paper.model.backbone.weights == "KINETICS400_V1"
    assert compose_settings("experiment=paper", "training.epochs=2").training.epochs == 2
    assert compose_settings("experiment=smoke").dataset.size == 32
    printed = compose_settings("loss=mccl_printed").loss.contrastive
    assert (printed.form, printed.weighting) == ("printed", "printed")
    assert compose_settings("protocol=holdout").protocol.validation_fraction == 0.15


@pytest.mark.parametrize("switches", list(itertools.product([False, True], repeat=3)), ids=str)
def test_all_switches_of_the_ablation(switches: Sequence[bool], small_network: None) -> None:
    geiim, wian, mccl = switches
    settings = compose_settings(*TINY, f"ablation.geiim={geiim}", f"ablation.wian={wian}", f"ablation.mccl={mccl}")
    network = build_network(settings, 7)
    assert isinstance(network.geiim, GEIIM) == geiim
    assert isinstance(network.wian, WIAN) == wian
    loss = build_loss(settings.loss, settings.ablation.mccl, [4] * 7)
    assert isinstance(loss, MCCLLoss if mccl else CrossEntropyLoss)


@pytest.mark.parametrize(
    ("name", "switches"),
    [("a", (False,) * 3), ("b", (True, False, False)), ("c", (True, True, False)), ("d", (True,) * 3)],
)
def test_table_iii(name: str, switches: tuple[bool, ...]) -> None:
    ablation = compose_settings(f"ablation={name}").ablation
    assert (ablation.geiim, ablation.wian, ablation.mccl) == switches


def test_the_options_reach_the_network_and_the_loss(small_network: None) -> None:
    arguments = [
        "model.geiim.embedding_dim=6", "model.geiim.kernels=[3]", "model.attention.num_heads=4",
        "loss.contrastive.scales=[64,32]", "loss.contrastive.form=printed", "loss.noise_scale=0.25",
        "loss.label_smoothing=0.2",
    ]  # fmt: skip
    settings = compose_settings(*TINY, *arguments)
    network: Any = build_network(settings, 7)
    assert network.num_instances == 2
    assert network.attention.attention.num_heads == 4
    assert len([name for name, _ in network.geiim.named_parameters() if "conv" in name and "weight" in name]) == 1
    loss: Any = build_loss(settings.loss, True, [4] * 7)
    assert (loss.contrastive.scales, loss.contrastive.form) == ((64, 32), "printed")
    assert (loss.noise_scale, loss.label_smoothing) == (0.25, 0.2)


def test_the_backbone_starts_with_motion_or_with_weights(small_network: None, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr("micacl.build.load_backbone_weights", lambda _, weights: loaded.append(weights))
    scratch: Any = build_network(compose_settings(*TINY, "model.backbone.weights=null"), 7)
    assert (scratch.backbone.starts_with_motion, loaded) == (True, [])
    pretrained: Any = build_network(compose_settings(*TINY, "model.backbone.weights=KINETICS400_V1"), 7)
    assert (pretrained.backbone.starts_with_motion, loaded) == (False, ["KINETICS400_V1"])


def test_the_real_command_refuses_as_this_process_does(tmp_path: Path) -> None:
    outcome = run_apart([*TINY, "fold=6"], tmp_path)
    assert_refused(outcome, "Error: fold is 6; the built-in data set has the folds 1 to 5")
    assert outcome.status == 1
    assert "Traceback" in run_apart([*TINY, "fold=6"], tmp_path, HYDRA_FULL_ERROR="1").stderr
