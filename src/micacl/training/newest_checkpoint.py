"""Which checkpoint an interrupted run goes on from: the newest that is whole."""

import logging
import zipfile
import zlib
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only

from micacl.errors import UserError
from micacl.training.checkpoint import read_checkpoint
from micacl.training.checkpoint_io import LAST, PREVIOUS

log = logging.getLogger(__name__)

DAMAGED = "damaged.ckpt"


def newest_checkpoint(folder: Path) -> Path | None:
    """Finds the newest checkpoint that is whole; a damaged one is named, and moved out of the way of the next.

    Args:
        folder: The checkpoints' folder.

    Returns:
        None where there is none: the run begins at its beginning.

    Raises:
        UserError: If a damaged one cannot be moved.
    """
    _remove_halves(folder)
    for path in (folder / LAST, folder / PREVIOUS):
        damage = _damage(path) if path.is_file() else None
        if damage is not None:
            _set_aside(path, damage)
        elif path.is_file():
            return path
    return None


def _remove_halves(folder: Path) -> None:
    """Removes what a process that was killed while it wrote has left beside the checkpoints."""
    if getattr(rank_zero_only, "rank", 0) == 0:
        for half in folder.glob(".*.ckpt"):
            half.unlink(missing_ok=True)


def _damage(path: Path) -> str | None:
    """What is wrong with a checkpoint, in words."""
    try:
        with zipfile.ZipFile(path) as archive:
            changed = archive.testzip()  # torch writes a checksum of each part, and does not look at it
        if changed is not None:
            return f"the checksum of {changed} in it is wrong"
        read_checkpoint(path)
    except UserError as error:
        return str(error)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as error:
        return str(error) or type(error).__name__
    return None


def _set_aside(path: Path, damage: str) -> None:
    if getattr(rank_zero_only, "rank", 0) != 0:
        return
    log.warning(f"{path} is damaged ({damage}); it is kept as {DAMAGED}, and the checkpoint before it is used")
    try:
        path.replace(path.with_name(DAMAGED))
    except OSError as error:
        raise UserError(f"Cannot rename {path}: {error.strerror or error}.") from error
