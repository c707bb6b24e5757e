"""Names the expressions in the order of their labels, and recognises how data sets spell and number them.

The order is that of every label, table and matrix in this project.
"""

import unicodedata
from collections.abc import Iterable

CLASS_NAMES = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
MAFW_CLASS_NAMES = (*CLASS_NAMES, "contempt", "anxiety", "helplessness", "disappointment")

# The expressions of the numbers 0, 1, ... in the copy of FERV39k's lists whose header is `path,id`.
FERV39K_IDS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")

_SPELLINGS = {
    "happiness": ("happy",),
    "sadness": ("sad",),
    "neutral": ("neutrality",),
    "anger": ("angry",),
    "surprise": ("surprised",),
    "disgust": ("disgusted",),
    "fear": ("fearful",),
    "contempt": ("contemptuous",),
    "anxiety": ("anxious",),
    "helplessness": ("helpless",),
    "disappointment": ("disappointed",),
}
_EXPRESSION = {spelling: name for name, others in _SPELLINGS.items() for spelling in (name, *others)}


def expression(text: str) -> str | None:
    """Finds the expression that a data set's own spelling stands for.

    Args:
        text: A class name as written in a split file, a list or a folder's name.

    Returns:
        The name used here, or None if it is none of the known expressions.

    >>> expression("Angry"), expression("Surprised"), expression("boredom")
    ('anger', 'surprise', None)
    """
    return _EXPRESSION.get(text.strip().casefold())


def class_name(text: str) -> str:
    """Spells a class name as here if it is a known expression, and leaves it as it is otherwise."""
    return expression(text) or unicodedata.normalize("NFC", text.strip())


def clash(spellings: Iterable[str]) -> tuple[str, str] | None:
    """Finds two spellings of one class: of one expression, or alike but for capitals; None if there are none.

    >>> clash(["Happy", "sad", "happiness"]), clash(["Bored", "bored"]), clash(["happy", "sad"])
    (('Happy', 'happiness'), ('Bored', 'bored'), None)
    """
    first: dict[str, str] = {}
    for spelling in spellings:
        key = class_name(spelling).casefold()
        if key in first:
            return first[key], spelling
        first[key] = spelling
    return None


def in_order(class_names: Iterable[str]) -> tuple[str, ...]:
    """Sorts class names into the order of labels: known expressions, then numbers by size, then others by alphabet.

    Args:
        class_names: The names as `class_name` spells them, in any order.

    >>> in_order({"boredom", "fear", "10", "9", "happiness"})
    ('happiness', 'fear', '9', '10', 'boredom')
    """
    names = set(class_names)
    known = [name for name in MAFW_CLASS_NAMES if name in names]
    others = sorted(names.difference(known), key=_number_or_text)
    return (*known, *others)


def _number_or_text(name: str) -> tuple[int, int, str]:
    is_number = name.isdecimal() and len(name) <= 18
    return (0, int(name), name) if is_number else (1, 0, name)
