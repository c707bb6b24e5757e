"""The command line: ranges, what composes, what is refused and how it is said."""

import itertools
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.runs import TINY, assert_refused, compose_settings, read_table, run_here

from micacl.build.checks import check_options
from micacl.build.loss import build_loss, uses_mccl
from micacl.build.network import build_network
from micacl.cli.command import config_folder, makes_another_setting
from micacl.cli.mistakes import check_command_line
from micacl.cli.ranges import expand_ranges
from micacl.errors import UserError
from micacl.losses import (
    ClassBalancedLoss,
    CrossEntropyLoss,
    FocalLoss,
    LogitAdjustedLoss,
    MCCLLoss,
    SupervisedContrastiveLoss,
)
from micacl.models import GEIIM, WIAN
from micacl.settings import Settings


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


def test_processes_that_torchrun_or_srun_has_started_need_a_common_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    monkeypatch.setenv("SLURM_PROCID", "1")
    assert_refused(run_here(["fold=2"]), "Error: processes that train together share one run folder: name it")


@pytest.mark.parametrize(
    "arguments",
    [
        ["loss=focal,mccl", "ablation=a", "-m"],
        ["logger=null"],
        ["loss='focal'"],
        ["loss=choice(focal,mccl)"],
        ["hydra/launcher=joblib", "fold=1"],
        ["--config-dir", "mine", "loss=my_own"],
        ["--config-dir=mine", "loss=my_own"],
        ["-cd", "mine", "loss=my_own"],
        ["hydra.searchpath=[file://mine]", "loss=my_own"],
        ["+hydra.searchpath=[file://mine]", "loss=my_own"],
        ["loss@other=my_own"],
        ["loss=[focal,mccl]"],
        ["loss={name:focal}"],
        ["loss="],
        ["loss=sub/my_own"],
        ["loss=glob(f*)", "-m"],
        ["loss=range(1,3)", "-m"],
        ["~loss"],
        ["hydra/launcher=my_own"],
    ],
    ids=" ".join,
)
def test_choices_that_may_be_there_are_left_to_hydra(arguments: list[str]) -> None:
    check_command_line(arguments, Settings, config_folder())


@pytest.mark.parametrize(
    "arguments",
    [
        ["dataset.root='a=b,c'"],
        ['dataset.root="/data/it\'s here"'],
        ["dataset.class_names=[joy,fear]"],
        ["dataset.root="],
        ["~dataset.root"],
        ["~dataset.root=/data"],
        ["+dataset.root=/data"],
        ["++dataset.root=/data"],
        ["training.epochs@other=2"],
        ["hydra.run.dir=runs/mine"],
        ["hydra.anything.at.all={a:[1,2]}"],
        ["training.learning_rate=interval(1e-5,1e-3)", "-m"],
        ["dataset.synthetic={seed:3}"],
        ["dataset.synthetic.seed=3"],
        ["dataset=synthetic", "dataset.synthetic.seed=3"],
        ["--config-dir=mine", "dataset=my_own", "dataset.synthetic.seed=3"],
        ["--cfg", "job", "--package", "model"],
        ["--config-name", "evaluate", "fold=2"],
    ],
    ids=" ".join,
)
def test_options_that_are_there_pass(arguments: list[str]) -> None:
    check_command_line(arguments, Settings, config_folder())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["loss='focl'"], "there is no loss=focl; is focal meant?"),
        (["loss=choice(mccl,'focl')", "-m"], "there is no loss=focl; is focal meant?"),
        (["loss=sort(mccl,focl)", "-m"], "there is no loss=focl"),
        (["++loss=focl"], "there is no loss=focl"),
        (["training.epoch='2'"], "there is no option training.epoch;"),
        (["training.epoch=[1,2]"], "there is no option training.epoch;"),
        (["training.epoch={a:1}"], "there is no option training.epoch;"),
        (["training.epoch="], "there is no option training.epoch;"),
        (["training.epoch=range(1,3)", "-m"], "there is no option training.epoch;"),
        (["training.epoch=1,2", "-m"], "there is no option training.epoch;"),
        (["++training.epoch=2"], "there is no option training.epoch;"),
        (["~training.epoch"], "there is no option training.epoch;"),
        (["--config-dir", "mine", "training.epoch=2"], "there is no option training.epoch;"),
        (["--cfg=job", "training.epoch=2"], "there is no option training.epoch;"),
        (["fold=1,2", "-m", "training.epoch=2"], "there is no option training.epoch;"),
        (["--unknown", "training.epoch=2"], "there is no option training.epoch;"),
        (
            ["dataset='dfew'", "+dataset.synthetic.seed=3"],
            "dataset.synthetic.seed with dataset=dfew",
        ),
        (["dataset=synthetic,dfew", "dataset.synthetic.seed=3", "-m"], "dataset.synthetic.seed with dataset=dfew"),
        (["model.backbone.weights.x=1"], "model.backbone.weights is null or one value"),
    ],
    ids=str,
)
def test_a_mistake_is_found_however_it_is_written(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError) as refused:
        check_command_line(arguments, Settings, config_folder())
    assert message in str(refused.value)


@pytest.mark.parametrize("argument", ["training.epochs", "training.epochs=[1", "training.epochs='1", "a=b=c"])
def test_what_hydra_cannot_parse_is_told_by_hydra(argument: str, tmp_path: Path) -> None:
    outcome = run_here([argument, f"hydra.run.dir={tmp_path}/run"])
    assert_refused(outcome, "override_grammar")
    assert not (tmp_path / "run").exists()


def test_a_missing_plugin_is_named_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr("micacl.cli.mistakes.version", nothing)
    assert_refused(
        run_here(["hydra/launcher=slurm", "-m"]),
        "Error: hydra/launcher=slurm needs hydra-submitit-launcher, which is not installed",
        'python -m pip install "micacl[slurm]"',
    )


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


@pytest.mark.parametrize(
    ("override", "another"),
    [
        *((override, False) for override in (
            "fold=2", "seed=3", "dataset=dfew", "dataset.root=/data", "dataset.train_list=a.txt", "cache.dir=/cache",
            "trainer=ddp", "trainer=gpu", "trainer.devices=4", "trainer.compile=true", "dataset.num_workers=2",
            "dataset.decode.backend=decord", "logger=none", "+logger.project=x", "ckpt_path=last.ckpt",
        )),
        *((override, True) for override in (
            "ablation=a", "ablation.mccl=false", "loss=focal", "model.num_frames=8", "training.epochs=3",
            "trainer.precision=32-true", "dataset.size=64", "dataset.sampler=uniform", "cache.size=64",
            "dataset.synthetic.strength=0.5", "protocol=holdout", "experiment=paper",
        )),
    ],
)  # fmt: skip
def test_where_a_run_runs_and_its_files_lie_makes_no_other_setting(override: str, another: bool) -> None:
    """Folds run with trainer=ddp and trainer=gpu are averaged."""
    assert makes_another_setting(override) == another


def test_a_sweep_that_cannot_start_says_so_once(tmp_path: Path) -> None:
    outcome = run_here(["epochs=1,2", f"hydra.sweep.dir={tmp_path}", "-m"])
    assert_refused(outcome, "there is no option epochs; is training.epochs meant?")


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
        "ablation", "dataset", "experiment", "hydra", "logger", "loss", "model", "protocol", "trainer", "training",
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
    network: Any = build_network(settings, 7)
    assert isinstance(network.geiim, GEIIM) == geiim
    assert isinstance(network.wian, WIAN) == wian
    loss = build_loss(settings.loss, settings.ablation.mccl, [4] * 7, network.feature_dim)
    assert isinstance(loss, MCCLLoss if mccl else CrossEntropyLoss)


@pytest.mark.parametrize("mccl", [False, True])
@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        ("cross_entropy", CrossEntropyLoss),
        ("focal", FocalLoss),
        ("class_balanced", ClassBalancedLoss),
        ("logit_adjustment", LogitAdjustedLoss),
        ("supervised_contrastive", SupervisedContrastiveLoss),
    ],
)
def test_other_losses_are_not_part_of_the_ablation(choice: str, kind: type, mccl: bool) -> None:
    settings = compose_settings(*TINY, f"loss={choice}", f"ablation.mccl={mccl}")
    assert type(build_loss(settings.loss, settings.ablation.mccl, [4] * 7, 512)) is kind
    assert not uses_mccl(settings.loss, settings.ablation.mccl)


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
    loss: Any = build_loss(settings.loss, True, [4] * 7, network.feature_dim)
    assert (loss.contrastive.scales, loss.contrastive.form) == ((64, 32), "printed")
    assert (loss.noise_scale, loss.label_smoothing) == (0.25, 0.2)


def test_the_backbone_starts_with_motion_or_with_weights(small_network: None, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr("micacl.build.network.load_backbone_weights", lambda _, weights: loaded.append(weights))
    scratch: Any = build_network(compose_settings(*TINY, "model.backbone.weights=null"), 7)
    assert (scratch.backbone.starts_with_motion, loaded) == (True, [])
    pretrained: Any = build_network(compose_settings(*TINY, "model.backbone.weights=KINETICS400_V1"), 7)
    assert (pretrained.backbone.starts_with_motion, loaded) == (False, ["KINETICS400_V1"])
