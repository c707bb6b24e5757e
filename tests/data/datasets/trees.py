"""Small data sets of the same shape as the real ones. Clips are empty unless a test decodes them."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from micacl.data.expressions import CLASS_NAMES, MAFW_CLASS_NAMES

TRAIN = range(1, 15)
TEST = range(15, 22)

# How FERV39k spells our classes in its paths.
FERV39K = ("Happy", "Sad", "Neutral", "Angry", "Surprise", "Disgust", "Fear")


def write_text(path: Path, lines: Iterable[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def add_clips(folder: Path, names: Iterable[str]) -> None:
    """Folders, or files where the name has a suffix."""
    for name in names:
        path = folder / name
        if path.suffix:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        else:
            path.mkdir(parents=True)


def dfew_label(number: int) -> int:
    return (number - 1) % len(CLASS_NAMES) + 1


def dfew_lines(numbers: Iterable[int]) -> list[str]:
    return ["video_name,label", *(f"{number},{dfew_label(number)}" for number in numbers)]


def add_dfew_lists(folder: Path, train: str, test: str, num_folds: int = 5) -> None:
    """Lists under file names in which {} is the fold; fold 2 trains what the others test, so that folds differ."""
    for fold in range(1, num_folds + 1):
        parts = (TEST, TRAIN) if fold == 2 else (TRAIN, TEST)
        for name, numbers in zip((train, test), parts, strict=True):
            write_text(folder / name.format(fold), dfew_lines(numbers))


def numbered(numbers: Iterable[int], suffix: str = "") -> list[str]:
    return [f"{number:05d}{suffix}" for number in numbers]


def ferv39k_clips() -> list[tuple[str, str]]:
    """Scene/Emotion/id and emotion of 28 clips: ids repeat between scenes and emotions, as they do there."""
    return [
        (f"{scene}/{shown}/{number:04d}", shown) for scene in ("Crime", "War") for shown in FERV39K for number in (1, 2)
    ]


def mafw_lines(numbers: Iterable[int]) -> list[str]:
    return [f"{number:05d}.mp4 {MAFW_CLASS_NAMES[(number - 1) % 11]}" for number in numbers]


def refuse_to_list(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a folder refuse to be listed, as one without read permission does; root, who runs tests too, may list all.

    Args:
        folder: The folder.
        monkeypatch: Undoes it after the test.
    """
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if path == folder:
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
