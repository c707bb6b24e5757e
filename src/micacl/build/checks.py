"""What can be wrong with a command's options, found before anything heavy is imported or any folder is made."""

import math
from pathlib import Path
from typing import get_args

from micacl.build.listing import build_listing, build_recipe
from micacl.data.datasets.listing import choose_fold
from micacl.data.datasets.synthetic import check_fold
from micacl.errors import UserError
from micacl.settings import Settings
from micacl.training.precision import Precision


def check_run(settings: Settings) -> None:
    """Checks the options of a run, and that its data set lists the fold.

    Raises:
        UserError: If an option is out of range, or the data set is not there, has no such fold or has a mistake.
    """
    check_options(settings)
    if settings.dataset.name == "synthetic":
        check_fold(settings.fold, build_recipe(settings))
    else:
        choose_fold(build_listing(settings, settings.fold), settings.fold)


def check_lists(settings: Settings) -> None:
    """Checks the lists of every fold.

    Raises:
        UserError: If the data set is not there or has a mistake.
    """
    if settings.dataset.name != "synthetic":
        build_listing(settings, fold=None)


def check_checkpoint(settings: Settings) -> None:
    """Checks that ``ckpt_path`` is a file; the other options may yet come from the folder that it lies in.

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
    """Checks, before any data is touched, the options that nothing else checks in time or in words.

    Raises:
        UserError: If one is out of range, or two do not fit each other.
    """
    model, training, precision = settings.model, settings.training, settings.trainer.precision
    loss = settings.loss
    for option, value, allowed, expected in (
        ("seed", settings.seed, 0 <= settings.seed < 2**32, "0 to 4294967295"),
        ("training.epochs", training.epochs, training.epochs >= 1, "1 or more"),
        ("training.batch_size", training.batch_size, training.batch_size >= 1, "1 or more"),
        ("training.learning_rate", training.learning_rate, 0 < training.learning_rate < math.inf, "more than 0"),
        (
            "training.min_learning_rate",
            training.min_learning_rate,
            0 <= training.min_learning_rate <= training.learning_rate,
            f"0 to training.learning_rate={training.learning_rate}",
        ),
        ("training.weight_decay", training.weight_decay, 0 <= training.weight_decay < math.inf, "0 or more"),
        (
            "training.warmup_epochs",
            training.warmup_epochs,
            0 <= training.warmup_epochs <= training.epochs,
            f"0 to training.epochs={training.epochs}",
        ),
        (
            "training.gradient_clip_norm",
            training.gradient_clip_norm,
            training.gradient_clip_norm > 0,
            "more than 0; .inf does not clip",
        ),
        ("model.geiim.embedding_dim", model.geiim.embedding_dim, model.geiim.embedding_dim >= 1, "1 or more"),
        (
            "model.geiim.initial_alpha",
            model.geiim.initial_alpha,
            0 < model.geiim.initial_alpha < 1,
            "more than 0 and less than 1",
        ),
        ("model.attention.num_heads", model.attention.num_heads, model.attention.num_heads >= 1, "1 or more"),
        *(
            (f"loss.{name}.projection_dim", value, value >= 1, "1 or more")
            for name, value in (
                ("contrastive", loss.contrastive.projection_dim),
                ("supervised_contrastive", loss.supervised_contrastive.projection_dim),
            )
        ),
        ("loss.label_smoothing", loss.label_smoothing, 0 <= loss.label_smoothing <= 1, "0 to 1"),
        # float16 needs its gradients unscaled before they are clipped, which ExpressionModule does not do.
        ("trainer.precision", precision, precision in ("auto", *get_args(Precision)), "auto, bf16-mixed or 32-true"),
        # The others start processes in ways that micacl.process.ranks does not know.
        ("trainer.strategy", settings.trainer.strategy, settings.trainer.strategy in ("auto", "ddp"), "auto or ddp"),
        ("trainer.num_nodes", settings.trainer.num_nodes, settings.trainer.num_nodes >= 1, "1 or more"),
        (
            "trainer.checkpoint_minutes",
            settings.trainer.checkpoint_minutes,
            settings.trainer.checkpoint_minutes >= 0,
            "0 (after every step) or more",
        ),
        ("logger.name", settings.logger.name, settings.logger.name in ("wandb", "none"), "wandb or none"),
    ):
        if not allowed:
            raise UserError(f"{option}={value} is out of range; set it to {expected}")
    if model.instance_length < 1 or model.num_frames < 1 or model.num_frames % model.instance_length:
        raise UserError(
            f"model.num_frames={model.num_frames} frames do not make whole instances of "
            f"model.instance_length={model.instance_length} frames; set one so that it divides the other"
        )
