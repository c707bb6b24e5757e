"""Hydra's plugins that some choices need, and which a plain installation does not bring."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from micacl.errors import UserError

# What is written on the command line: the package that it needs, and the extra of this one that brings it.
_NEEDED = {
    "hydra/launcher=gpus": ("hydra-joblib-launcher", "gpus"),
    "hydra/launcher=slurm": ("hydra-submitit-launcher", "slurm"),
    "experiment=search": ("optuna", "search"),
    "hydra/sweeper=search": ("optuna", "search"),
}


def check_plugins(arguments: Sequence[str]) -> None:
    """Says which package is missing, where Hydra would say that a file or a class is.

    Raises:
        UserError: If a choice of the command line needs a plugin that is not installed.
    """
    for argument in arguments:
        package, extra = _NEEDED.get(argument.lstrip("+"), (None, None))
        if package is None:
            continue
        try:
            version(package)
        except PackageNotFoundError:
            raise UserError(
                f'{argument} needs {package}, which is not installed: python -m pip install "micacl[{extra}]"'
            ) from None
