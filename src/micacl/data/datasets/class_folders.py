"""Reads clips that lie in one folder per class."""

from collections.abc import Callable
from pathlib import Path

from micacl.data.datasets.labeled import Labeled
from micacl.data.datasets.listing import Entry
from micacl.data.datasets.names import path_parts, without_suffix
from micacl.data.datasets.text_file import Place
from micacl.data.datasets.tree import list_readable_folder
from micacl.data.expressions import clash, class_name
from micacl.errors import UserError


def read_class_folders(
    root: Path, not_found: Callable[[str], UserError]
) -> tuple[list[Labeled], Callable[[Entry], Path]]:
    """Reads `<root>/<class>/<clip>`, where a clip is a video or a folder of frames.

    Args:
        root: The folder that holds the classes' folders.
        not_found: A function that makes the error from a description of what is wrong.

    Returns:
        The clips, sorted by class and name, and a function that finds an entry's clip on disk.

    Raises:
        UserError: If a folder cannot be listed, leads back to the root or is empty, or two folders are the same class.
    """
    classes = list_readable_folder(root).folders
    if not classes:
        raise not_found(f"{root} has no folders.")
    if pair := clash(classes):
        raise UserError(f"the folders {pair[0]} and {pair[1]} in {root} are the same class; put their clips into one")
    clips: list[Labeled] = []
    for name in classes:
        folder = root / name
        if root.resolve().is_relative_to(folder.resolve()):
            raise UserError(f"{folder} is a link that leads back to {root}; remove it")
        content = list_readable_folder(folder)
        if not content.folders and not content.videos:
            raise UserError(
                f"the class folder {folder} has no clips; put videos or folders of frames into it, or remove it"
            )
        for clip in (*content.folders, *content.videos):
            if not _is_text(name + clip):
                raise UserError(f"{ascii(str(folder / clip))[1:-1]}: the name is not UTF-8; rename it")
            path = "/".join((*path_parts(name), *path_parts(clip)))
            clips.append(Labeled(without_suffix(path), path, class_name(name), Place(folder / clip, None)))
    return clips, lambda entry: entry.place.path


def _is_text(name: str) -> bool:
    """Returns whether a name can be written to a text file: file systems allow names of any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
