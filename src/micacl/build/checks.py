"""Refuses options that are out of range, before anything heavy is imported or any folder is made.

The ranges are in one table. A limit that only a network or a loss knows is checked by its constructor, whose error
:func:`naming_options` translates.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, get_args

from micacl.build.listing import build_listing, build_recipe
from micacl.data.datasets.listing import choose_fold
from micacl.data.datasets.synthetic import check_fold
from micacl.data.synthetic.recipe import FRAME_SIZE_STEP
from micacl.errors import UserError
from micacl.settings import Settings
from micacl.training.precision import Precision


class _Range(NamedTuple):
    """The values that an option may have.

    Attributes:
        holds: Tells whether a value is among them.
        expected: What to set the option to.
    """

    holds: Callable[[Any], bool]
    expected: str


def _at_least(least: int) -> _Range:
    return _Range(lambda value: value >= least, f"{least} or more")


def _up_to(option: str, most: float) -> _Range:
    return _Range(lambda value: 0 <= value <= most, f"0 to {option}={most}")


def _one_of(*choices: str) -> _Range:
    return _Range(choices.__contains__, " or ".join([", ".join(choices[:-1]), choices[-1]]))


_POSITIVE = _Range(lambda value: value > 0, "more than 0")

_RANGES: Mapping[str, _Range] = {
    "seed": _Range(lambda seed: 0 <= seed < 2**32, "0 to 4294967295"),
    "training.epochs": _at_least(1),
    "training.batch_size": _at_least(1),
    "training.learning_rate": _Range(lambda rate: 0 < rate < math.inf, "more than 0"),
    "training.weight_decay": _Range(lambda decay: 0 <= decay < math.inf, "0 or more"),
    "training.gradient_clip_norm": _Range(lambda norm: norm > 0, "more than 0; .inf does not clip"),
    "model.num_frames": _at_least(1),
    "model.instance_length": _at_least(1),
    "model.geiim.embedding_dim": _at_least(1),
    "model.geiim.initial_alpha": _Range(lambda alpha: 0 < alpha < 1, "more than 0 and less than 1"),
    "model.geiim.kernels": _Range(
        lambda kernels: all(kernel > 0 and kernel % 2 == 1 for kernel in kernels),
        "odd numbers, so that an instance keeps its place",
    ),
    "model.wian.weight_scale": _one_of("printed", "unit_mean"),
    "model.attention.num_heads": _at_least(1),
    "loss.name": _one_of(
        "mccl", "cross_entropy", "focal", "class_balanced", "logit_adjustment", "supervised_contrastive"
    ),
    "loss.label_smoothing": _Range(lambda smoothing: 0 <= smoothing <= 1, "0 to 1"),
    "loss.contrastive.form": _one_of("log", "printed"),
    "loss.contrastive.weighting": _one_of("balanced", "printed"),
    "loss.contrastive.projection_dim": _at_least(1),
    "loss.contrastive.base_temperature": _POSITIVE,
    "loss.focal.gamma": _at_least(0),
    "loss.class_balanced.beta": _Range(lambda beta: 0 <= beta < 1, "0 or more and less than 1"),
    "loss.logit_adjustment.tau": _at_least(0),
    "loss.supervised_contrastive.temperature": _POSITIVE,
    "loss.supervised_contrastive.projection_dim": _at_least(1),
    # float16 needs its gradients unscaled before they are clipped, which ExpressionModule does not do.
    "trainer.precision": _one_of("auto", *get_args(Precision)),
    # The others start processes in ways that micacl.process.ranks does not know.
    "trainer.strategy": _one_of("auto", "ddp"),
    "trainer.num_nodes": _at_least(1),
    "trainer.checkpoint_minutes": _Range(lambda minutes: minutes >= 0, "0 (after every step) or more"),
    "logger.name": _one_of("wandb", "none"),
    "protocol.validation_fraction": _Range(lambda fraction: 0 <= fraction <= 0.5, "0 (hold out none) to 0.5"),
    "dataset.size": _at_least(1),
    "dataset.crop_scale": _Range(
        lambda scale: len(scale) == 2 and 0 < scale[0] <= scale[1] <= 1,
        "the smallest and the largest share of a frame that a crop keeps, above 0 and at most 1",
    ),
    "dataset.color_jitter": _at_least(0),
    "dataset.sampler": _one_of("uniform", "square_root", "class_balanced"),
    "dataset.num_workers": _Range(
        lambda workers: workers == "auto" or (isinstance(workers, int) and workers >= 0), "auto, or to 0 or more"
    ),
    "dataset.on_error": _one_of("raise", "skip"),
    "dataset.decode.backend": _one_of("auto", "decord", "torchcodec", "jpeg"),
    "dataset.decode.device": _one_of("auto", "cpu", "cuda"),
    "cache.size": _at_least(1),
    "cache.frames": _Range(
        lambda frames: frames == "all" or (isinstance(frames, int) and frames >= 1), "all, or to 1 or more"
    ),
}

# The recipe of the built-in data set, which is null for others; Recipe checks whether its values fit together.
_RANGES_OF_RECIPE: Mapping[str, _Range] = {
    "dataset.synthetic.num_clips": _at_least(1),
    "dataset.synthetic.num_subjects": _at_least(1),
    "dataset.synthetic.min_clips_per_class_and_fold": _Range(
        lambda clips: clips >= 1, "1 or more: a class without test clips has no recall"
    ),
    "dataset.synthetic.frame_size": _Range(
        lambda size: size > 0 and size % FRAME_SIZE_STEP == 0, f"a multiple of {FRAME_SIZE_STEP}"
    ),
    "dataset.synthetic.strength": _Range(lambda strength: 0 < strength <= 1, "more than 0 and at most 1"),
    "dataset.synthetic.seed": _at_least(0),
}

# Options from 0 to the value of another option.
_LIMITS: Mapping[str, str] = {
    "training.min_learning_rate": "training.learning_rate",
    "training.warmup_epochs": "training.epochs",
}


def check_run(settings: Settings) -> None:
    """Checks the options of a run, and that its data set lists the fold.

    Raises:
        UserError: If an option is out of range or does not fit another one, or the data set is missing, has no such
            fold or has a mistake.
    """
    check_options(settings)
    size, frame_size = settings.dataset.size, settings.cache.size
    if not size <= frame_size <= 2 * size:
        raise UserError(
            f"cache.size is {frame_size}, the size that frames are kept at, and dataset.size is {size}, the size that "
            f"the network sees; set cache.size to {size} to {2 * size}"
        )
    if settings.dataset.name == "synthetic":
        check_fold(settings.fold, build_recipe(settings))
    else:
        choose_fold(build_listing(settings, settings.fold), settings.fold)


def check_lists(settings: Settings) -> None:
    """Checks the options of a preparation, and the lists of every fold.

    Raises:
        UserError: If an option is out of range, or the data set is missing or has a mistake.
    """
    _check_ranges(settings)
    if settings.dataset.name != "synthetic":
        build_listing(settings, fold=None)


def check_checkpoint(settings: Settings) -> None:
    """Checks that ``ckpt_path`` is a file; the other options may still come from the folder that it is in.

    Raises:
        UserError: If it is not.
    """
    if settings.ckpt_path is None:
        raise UserError("nothing to test: set ckpt_path to a checkpoint, such as runs/SOME_RUN/checkpoints/last.ckpt")
    if not Path(settings.ckpt_path).is_file():
        raise UserError(
            f"there is no checkpoint {settings.ckpt_path}; set ckpt_path to a file of a run's checkpoints folder"
        )


def check_options(settings: Settings) -> None:
    """Checks each option of a run, and those that must fit together.

    Raises:
        UserError: If one is out of range, or two do not fit together.
    """
    _check_ranges(settings)
    model = settings.model
    if model.num_frames % model.instance_length:
        raise UserError(
            f"model.num_frames={model.num_frames} frames do not make whole instances of "
            f"model.instance_length={model.instance_length} frames; set one so that it divides the other"
        )


def _check_ranges(settings: Settings) -> None:
    ranges = dict(_RANGES)
    if settings.dataset.synthetic is not None:
        ranges |= _RANGES_OF_RECIPE
    for option, limit in _LIMITS.items():
        ranges[option] = _up_to(limit, attrgetter(limit)(settings))
    for option, allowed in ranges.items():
        value = attrgetter(option)(settings)
        if not allowed.holds(value):
            raise UserError(f"{option}={value} is out of range; set it to {allowed.expected}")


@contextmanager
def naming_options(options: str) -> Iterator[None]:
    """Translates the error of a constructor, which knows its arguments, into one that names the options.

    Args:
        options: The options that fill the arguments, such as ``model``.

    Raises:
        UserError: If the block raises a ValueError.
    """
    try:
        yield
    except ValueError as error:
        raise UserError(f"{options}: {error}") from error
