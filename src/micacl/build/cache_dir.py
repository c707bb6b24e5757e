"""Finds the cache folder: the only place outside run folders that is written to."""

import os
from pathlib import Path

import platformdirs

from micacl.settings import Settings

# What libraries would keep in the user's home and the system's temporary folder.
_LIBRARIES = {"MPLCONFIGDIR": "matplotlib", "WANDB_CACHE_DIR": "wandb", "TORCHINDUCTOR_CACHE_DIR": "torchinductor"}


def cache_dir(settings: Settings) -> Path:
    """Returns the folder for drawn clips, decoded frames and checks."""
    return Path(settings.cache.dir) if settings.cache.dir else platformdirs.user_cache_path("micacl")


def keep_libraries_there(settings: Settings) -> None:
    """Makes libraries use that folder too, unless the environment names another; call it before they are imported."""
    for variable, name in _LIBRARIES.items():
        os.environ.setdefault(variable, str(cache_dir(settings).absolute() / "libraries" / name))
