"""A clip of a user's own data set before it is given a fold."""

from collections.abc import Iterable
from dataclasses import dataclass

from micacl.data.text_file import Place


@dataclass(frozen=True)
class Labelled:
    """One clip and what its owner says of it.

    Attributes:
        name: identifies the clip in the data set, the same on every machine.
        path: where it lies, relative to the root, with forward slashes.
        class_name: its class, in our spelling.
        place: where it is listed, or the clip itself.
        subject: the person shown, or None.
        fold: the fold that it tests in, or None.
    """

    name: str
    path: str
    class_name: str
    place: Place
    subject: str | None = None
    fold: int | None = None


def check_named_once(clips: Iterable[Labelled]) -> tuple[Labelled, ...]:
    """The clips, if no two have one name.

    Raises:
        UserError: two have; the message says where both are.
    """
    first: dict[str, Labelled] = {}
    for clip in clips:
        if clip.name in first:
            raise clip.place.error(
                f"clip {clip.name} is there twice, the other time at {first[clip.name].place}; keep one of them"
            )
        first[clip.name] = clip
    return tuple(first.values())
