"""Options that are refused: each in one message, with a status that is not 0 and without a traceback."""

from pathlib import Path

import pytest
from tests.runs import TINY, Outcome, assert_refused, run_apart, run_here


def refused(tmp_path: Path, *arguments: str) -> Outcome:
    return run_here([*TINY, f"cache.dir={tmp_path}/cache", f"hydra.run.dir={tmp_path}/run", *arguments])


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (["trainer.gpus=2"], ["Error: there is no option trainer.gpus;"]),
        (["epochs=2"], ["Error: there is no option epochs; is training.epochs meant? --help"]),
        (["dataset=dfew"], ["Error: there is no option dataset.synthetic.num_clips with dataset=dfew"]),
        (["dataset.root.x=3"], ["Error: there is no option dataset.root.x: dataset.root is null or one value"]),
        (["dataset.synthetic.depth=3"], ["Error: there is no option dataset.synthetic.depth"]),
        (["+training.momentum=0.9"], ["Error: there is no option training.momentum;"]),
        (["training.epoch=2"], ["Error: there is no option training.epoch; is training.epochs meant? --help"]),
        (["sed=2"], ["Error: there is no option sed; is seed meant?"]),
        (["datasets=dfew"], ["Error: there is no option datasets; is dataset meant?"]),
        (["size=3"], ["Error: there is no option size; is cache.size or dataset.size meant?"]),
        (["~training.epoch"], ["Error: there is no option training.epoch; is training.epochs meant?"]),
        (["+epochs=2"], ["Error: there is no option epochs; is training.epochs meant?"]),
        (["dataset=oulu"], ["Error: there is no dataset=oulu; choose dfew, ferv39k, folder, list, mafw or synthetic"]),
        (["ablation=e"], ["Error: there is no ablation=e; choose a, b, c or d"]),
        (["ablation=a..d"], ["Error: there is no ablation=a..d; choose a, b, c or d"]),
        (["ablation=a,e", "-m"], ["Error: there is no ablation=e; choose a, b, c or d"]),
        (["+loss=focl"], ["Error: there is no loss=focl; is focal meant? choose class_balanced, cross_entropy, focal"]),
        (["seed=abc"], ["'abc'", "seed"]),
        (["fold=1.5"], ["1.5", "fold"]),
        (["training.learning_rate=high"], ["'high'", "training.learning_rate"]),
        (["ablation.mccl=maybe"], ["maybe", "ablation.mccl"]),
        (["fold=1..2"], ["Ambiguous value for argument 'fold=1,2'", "--multirun"]),
        (["fold=3..1"], ["Error: fold=3..1: the range 3..1 is empty; write 1..3"]),
        (["fold=6"], ["Error: fold is 6; the built-in data set has the folds 1 to 5"]),
        (["fold=0"], ["Error: fold is 0; the built-in data set has the folds 1 to 5"]),
        (["dataset.synthetic.num_clips=3"], ["Error: dataset.synthetic: 3 clips are too few", "set num_clips to 35"]),
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
        (["training.warmup_epochs=1.5"], ["Error: training.warmup_epochs=1.5 is out of range", "to training.epochs=1"]),
        (["training.gradient_clip_norm=0"], ["Error: training.gradient_clip_norm=0.0 is out of range"]),
        (["loss.label_smoothing=1.5"], ["Error: loss.label_smoothing=1.5 is out of range; set it to 0 to 1"]),
        (
            ["trainer.precision=16-mixed"],
            ["Error: trainer.precision=16-mixed is out of range", "bf16-mixed or 32-true"],
        ),
        (["trainer.strategy=ddp_spawn"], ["Error: trainer.strategy=ddp_spawn is out of range; set it to auto or ddp"]),
        (["trainer.num_nodes=0"], ["Error: trainer.num_nodes=0 is out of range; set it to 1 or more"]),
        (["logger.name=tensorboard"], ["Error: logger.name=tensorboard is out of range; set it to wandb or none"]),
        (["model.attention.num_heads=0"], ["Error: model.attention.num_heads=0 is out of range"]),
        (["model.geiim.embedding_dim=0"], ["Error: model.geiim.embedding_dim=0 is out of range"]),
        (["model.geiim.initial_alpha=1"], ["Error: model.geiim.initial_alpha=1.0 is out of range", "less than 1"]),
        (["model.num_frames=0"], ["Error: model.num_frames=0 is out of range; set it to 1 or more"]),
        (["model.instance_length=0"], ["Error: model.instance_length=0 is out of range; set it to 1 or more"]),
        (["model.geiim.kernels=[2]"], ["Error: model.geiim.kernels=[2] is out of range; set it to odd numbers"]),
        (["model.geiim.kernels=[3,-1]"], ["Error: model.geiim.kernels=[3, -1] is out of range"]),
        (["model.wian.weight_scale=other"], ["Error: model.wian.weight_scale=other is out of range"]),
        (["loss.name=other"], ["Error: loss.name=other is out of range; set it to mccl, cross_entropy, focal,"]),
        (["loss.contrastive.form=linear"], ["Error: loss.contrastive.form=linear", "set it to log or printed"]),
        (["loss.contrastive.weighting=linear"], ["Error: loss.contrastive.weighting=linear is out of range"]),
        (["loss.contrastive.base_temperature=0"], ["Error: loss.contrastive.base_temperature=0.0 is out of range"]),
        (["loss.focal.gamma=-1"], ["Error: loss.focal.gamma=-1.0 is out of range; set it to 0 or more"]),
        (["loss.class_balanced.beta=1"], ["Error: loss.class_balanced.beta=1.0", "0 or more and less than 1"]),
        (["loss.logit_adjustment.tau=-1"], ["Error: loss.logit_adjustment.tau=-1.0 is out of range"]),
        (["loss.supervised_contrastive.temperature=0"], ["Error: loss.supervised_contrastive.temperature=0.0"]),
        (["trainer.checkpoint_minutes=-1"], ["Error: trainer.checkpoint_minutes=-1.0", "0 (after every step) or more"]),
        (["protocol.validation_fraction=0.9"], ["Error: protocol.validation_fraction=0.9", "0 (hold out none) to 0.5"]),
        (["dataset.size=0"], ["Error: dataset.size=0 is out of range; set it to 1 or more"]),
        (["dataset.size=15"], ["Error: cache.size is 32, the size that frames", "set cache.size to 15 to 30"]),
        (
            ["dataset.crop_scale=[0.5]"],
            ["Error: dataset.crop_scale=[0.5]", "the largest share of a frame"],
        ),
        (["dataset.crop_scale=[0,2]"], ["Error: dataset.crop_scale=[0.0, 2.0] is out of range"]),
        (["dataset.color_jitter=-1"], ["Error: dataset.color_jitter=-1.0 is out of range; set it to 0 or more"]),
        (["dataset.sampler=some"], ["Error: dataset.sampler=some", "uniform, square_root or class_balanced"]),
        (["dataset.num_workers=many"], ["Error: dataset.num_workers=many is out of range; set it to auto, or to 0"]),
        (["dataset.on_error=ignore"], ["Error: dataset.on_error=ignore is out of range; set it to raise or skip"]),
        (
            ["dataset.decode.backend=ffmpeg"],
            ["dataset.decode.backend=ffmpeg", "auto, decord, torchcodec or jpeg"],
        ),
        (["dataset.decode.device=tpu"], ["Error: dataset.decode.device=tpu", "set it to auto, cpu or cuda"]),
        (["cache.size=0"], ["Error: cache.size=0 is out of range; set it to 1 or more"]),
        (["cache.frames=some"], ["Error: cache.frames=some is out of range; set it to all, or to 1 or more"]),
        (
            ["dataset.synthetic.min_clips_per_class_and_fold=0"],
            ["set it to 1 or more: a class without"],
        ),
        (["dataset.synthetic.frame_size=48"], ["Error: dataset.synthetic.frame_size=48", "a multiple of 32"]),
        (["dataset.synthetic.strength=0"], ["Error: dataset.synthetic.strength=0.0", "more than 0 and at most 1"]),
        (["dataset.synthetic.seed=-1"], ["Error: dataset.synthetic.seed=-1 is out of range; set it to 0 or more"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and "=" in value[0] else "",
)
def test_bad_input_is_refused_in_one_message(tmp_path: Path, arguments: list[str], messages: list[str]) -> None:
    outcome = refused(tmp_path, *arguments)
    assert_refused(outcome, *messages)
    assert not (tmp_path / "cache").exists(), "nothing was drawn for a run that cannot be"
    assert not (tmp_path / "run").exists(), "a mistake leaves no folder behind"


def test_dfew_says_what_is_missing_what_is_expected_and_how_to_get_it(tmp_path: Path) -> None:
    def refused_dfew(*arguments: str) -> Outcome:
        return run_here(["dataset=dfew", "logger=none", f"hydra.run.dir={tmp_path}/run", *arguments])

    help_ = ["Clip", "set_1.csv", "https://dfew-dataset.github.io", "set dataset.root=/path/to/DFEW"]
    assert_refused(refused_dfew(), "Error: DFEW was not found: dataset.root is not set.", *help_)
    assert_refused(refused_dfew(f"dataset.root={tmp_path}/none"), f"{tmp_path}/none is not a folder", *help_)
    assert_refused(refused_dfew(f"dataset.root={tmp_path}"), f"{tmp_path}/EmoLabel_DataSplit", *help_)
    assert_refused(refused_dfew("fold=6"), "Error: fold is 6; DFEW has the folds 1 to 5")


def test_a_value_that_is_missing(tmp_path: Path) -> None:
    outcome = run_here(["dataset.name=???", "logger=none", f"hydra.run.dir={tmp_path}"])
    assert_refused(outcome, "Error: ", "missing mandatory value: name", "dataset.name")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert_refused(refused(tmp_path), f"Error: cannot write the built-in data set to {tmp_path}/cache")


def test_the_traceback_is_shown_on_demand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(Exception, match="fold is 6"):  # Python prints what is raised with its traceback
        refused(tmp_path, "fold=6")


def test_the_real_command_refuses_as_this_process_does(tmp_path: Path) -> None:
    outcome = run_apart([*TINY, "fold=6"], tmp_path)
    assert_refused(outcome, "Error: fold is 6; the built-in data set has the folds 1 to 5")
    assert outcome.status == 1
