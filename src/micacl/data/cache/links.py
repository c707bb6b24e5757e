"""Symbolic links in the cache: whoever can write there must not choose what else is written, deleted or read."""

from pathlib import Path

from micacl.data.cache.layout import ABOUT_NAME, JOURNAL_NAME
from micacl.errors import UserError


def refuse_links(folder: Path) -> None:
    """Looks for links where a cache keeps folders and files that it writes to; `cache.dir` itself may be one.

    Args:
        folder: the cache.

    Raises:
        UserError: there is one.
    """
    clips = folder / "clips"
    written = [folder, clips, folder / ABOUT_NAME, folder / JOURNAL_NAME, folder / "lock"]
    for path in (*written, *(clips.iterdir() if clips.is_dir() and not clips.is_symlink() else ())):
        if path.is_symlink():
            raise UserError(
                f"{path} is a symbolic link, which the cache never makes: delete it, or set cache.dir to another folder"
            )
