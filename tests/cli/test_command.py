"""The command line: ranges, what is refused and how it is said, help."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.runs import assert_refused, read_table, run_here

from micacl.cli.command import config_folder, makes_another_setting
from micacl.cli.mistakes import check_command_line
from micacl.cli.ranges import expand_ranges
from micacl.errors import UserError
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
