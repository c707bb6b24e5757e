"""The kind of every option, and what is derived from it."""

import dataclasses
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml
from tests.runs import compose_settings

from micacl.cli.command import config_folder
from micacl.run.earlier_run import may_differ
from micacl.settings import Kind, Settings, kind_of, kind_of_override, kinds

RESUMING = Path(__file__).parents[1] / "docs" / "resuming.md"


def leaves(options: dict[str, Any], prefix: str = "") -> list[str]:
    """The options of a nested config by their full names."""
    return [
        name
        for key, value in options.items()
        for name in (leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"])
    ]


def test_every_option_of_a_composed_config_has_a_kind() -> None:
    names = leaves(dataclasses.asdict(compose_settings()))
    assert len(names) > 60
    assert all(name in kinds() for name in names)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("model.geiim.kernels", Kind.NETWORK),
        ("dataset.size", Kind.NETWORK),
        ("trainer.precision", Kind.NETWORK),
        ("loss.contrastive.form", Kind.TRAINING),
        ("ablation.mccl", Kind.TRAINING),
        ("ablation.wian", Kind.NETWORK),
        ("dataset.sampler", Kind.TRAINING),
        ("dataset.synthetic.seed", Kind.DATA),
        ("cache.size", Kind.DATA),
        ("protocol.validation_fraction", Kind.PROTOCOL),
        ("seed", Kind.RUN),
        ("trainer.devices", Kind.MACHINE),
        ("dataset.decode.backend", Kind.MACHINE),
        ("cache.dir", Kind.PLACE),
        ("dataset.train_list", Kind.PLACE),
        # Of another version: the kind of what it lies in.
        ("trainer.accumulate", Kind.MACHINE),
        ("model.backbone.depth", Kind.NETWORK),
        ("experiment", None),
        ("", None),
    ],
)
def test_the_kind_of_an_option(name: str, kind: Kind | None) -> None:
    assert kind_of(name) is kind


def test_every_choice_of_a_group_that_makes_no_setting_changes_options_that_make_none() -> None:
    """Runs with another choice of such a group are averaged, so it must not change what comes out."""
    for group in (name for name in get_type_hints(Settings) if (config_folder() / name).is_dir()):
        kind = kind_of_override(group)
        if kind not in (Kind.MACHINE, Kind.PLACE):
            continue
        choices = [
            yaml.safe_load(path.read_text(encoding="utf-8")) for path in (config_folder() / group).glob("*.yaml")
        ]
        assert len(choices) > 1
        names = {name for choice in choices for name in choice if name != "defaults"}
        for name in names:
            values = [str(choice[name]) for choice in choices if name in choice]
            assert not kinds()[f"{group}.{name}"].is_setting or len(values) == 1, f"{group}.{name}"


def test_the_page_on_resuming_lists_the_options_that_may_differ() -> None:
    listed = re.search(r"<!-- may differ -->(.*?)<!-- /may differ -->", RESUMING.read_text(encoding="utf-8"), re.S)
    assert listed is not None
    documented = set(re.findall(r"`([^`]+)`", listed[1]))
    names = leaves(dataclasses.asdict(compose_settings()))
    # A node is listed in the place of all options below it.
    nodes = {name.rpartition(".")[0] for name in names} - {""}
    whole = {node for node in nodes if all(may_differ(name) for name in names if name.startswith(f"{node}."))}
    expected = {
        next((node for node in whole if name.startswith(f"{node}.")), name) for name in names if may_differ(name)
    }
    assert documented == expected


def test_options_without_a_default_are_missing_until_the_config_sets_them() -> None:
    """No option has a value in two places: conf/ alone has the values."""

    def defaults(schema: type) -> list[str]:
        found = [option.name for option in dataclasses.fields(schema) if option.default is not dataclasses.MISSING]
        for hint in get_type_hints(schema).values():
            for inner in get_args(hint) or (hint,):
                found += defaults(inner) if dataclasses.is_dataclass(inner) and isinstance(inner, type) else []
        return found

    assert defaults(Settings) == []
