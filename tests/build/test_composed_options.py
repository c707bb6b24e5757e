"""What the options of the config compose to: settings, and the network and the loss that are built from them."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from tests.runs import TINY, compose_settings

from micacl.build.checks import check_options
from micacl.build.loss import build_loss, uses_mccl
from micacl.build.network import build_network
from micacl.cli.command import config_folder
from micacl.losses import (
    ClassBalancedLoss,
    CrossEntropyLoss,
    FocalLoss,
    LogitAdjustedLoss,
    MCCLLoss,
    SupervisedContrastiveLoss,
)
from micacl.models import GEIIM, WIAN


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
