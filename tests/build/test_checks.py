"""The table of ranges agrees with the constructors that the options are for, and lists options that exist."""

import re
from collections.abc import Iterable
from operator import attrgetter
from typing import get_args

import pytest
from tests.runs import compose_settings

from micacl.build import checks
from micacl.build.checks import check_lists, check_options, check_run, naming_options
from micacl.build.loss import build_loss
from micacl.data.frames.decoders import Backend, Device
from micacl.data.sampler import EXPONENTS
from micacl.errors import UserError
from micacl.losses.contrastive import Form, Weighting
from micacl.models.wian import WeightScale
from micacl.settings import Settings


def changed(option: str, value: object) -> Settings:
    settings = compose_settings()
    group, _, name = option.rpartition(".")
    setattr(attrgetter(group)(settings), name, value)
    return settings


@pytest.mark.parametrize(
    ("option", "choices"),
    [
        ("model.wian.weight_scale", get_args(WeightScale)),
        ("loss.contrastive.form", get_args(Form)),
        ("loss.contrastive.weighting", get_args(Weighting)),
        ("dataset.sampler", EXPONENTS),
        ("dataset.decode.backend", get_args(Backend)),
        ("dataset.decode.device", get_args(Device)),
    ],
)
def test_the_choices_are_those_of_the_constructors(option: str, choices: Iterable[str]) -> None:
    with pytest.raises(UserError) as refused:
        check_options(changed(option, "other"))
    listed = str(refused.value).partition("set it to ")[2]
    assert set(re.split(", | or ", listed)) == set(choices)
    for choice in choices:
        check_options(changed(option, choice))


def test_the_losses_are_those_that_can_be_built() -> None:
    with pytest.raises(UserError) as refused:
        check_options(changed("loss.name", "other"))
    listed = re.split(", | or ", str(refused.value).partition("set it to ")[2])
    with pytest.raises(UserError) as unbuilt:
        build_loss(changed("loss.name", "other").loss, True, [1], 512)
    assert sorted(listed) == sorted(str(unbuilt.value).partition("among ")[2].split(", "))


def test_every_option_of_the_table_exists() -> None:
    settings = compose_settings()
    recipe = {f"dataset.synthetic.{name}" for name in vars(settings.dataset.synthetic)}
    for option in (*checks._RANGES, *checks._LIMITS, *checks._LIMITS.values()):
        attrgetter(option)(settings)
    assert set(checks._RANGES_OF_RECIPE) == recipe


def test_a_preparation_checks_its_options_but_not_how_a_run_would_use_them() -> None:
    settings = changed("cache.size", 1000)
    check_lists(settings)
    with pytest.raises(UserError, match=r"cache\.size is 1000"):
        check_run(settings)
    with pytest.raises(UserError, match=r"dataset\.num_workers=many is out of range"):
        check_lists(changed("dataset.num_workers", "many"))


def test_an_option_of_a_recipe_that_is_null_has_no_range() -> None:
    check_options(changed("dataset.synthetic", None))


def test_only_what_a_constructor_says_of_its_arguments_is_translated() -> None:
    with pytest.raises(UserError, match=r"^model: too many heads$"), naming_options("model"):
        raise ValueError("too many heads")
    with pytest.raises(KeyError), naming_options("model"):
        raise KeyError("a mistake of the program")
