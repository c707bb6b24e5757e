"""Finds the clips that cannot be decoded before training meets them."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track
from torch.utils.data import DataLoader, Dataset

from micacl.data.frames.decoding import every_frame
from micacl.data.split import Clip, SkippedClip
from micacl.errors import DecodeError


def find_undecodable(clips: Sequence[Clip], num_workers: int, show_progress: bool) -> list[SkippedClip]:
    """Decode every frame of every clip once.

    Args:
        clips: The clips to try.
        num_workers: Processes that decode in parallel, at least 1: a damaged file then cannot harm this process.
        show_progress: Draw a progress bar on a terminal's stderr.

    Returns:
        The clips that fail, in the order given.
    """
    reasons = DataLoader(
        _DecodeReasons([clip.path for clip in clips]), batch_size=None, num_workers=max(1, num_workers)
    )
    console = Console(stderr=True)
    bar = track(
        zip(clips, reasons, strict=True),
        "Checking clips",
        total=len(clips),
        console=console,
        disable=not (show_progress and console.is_terminal),
    )
    return [SkippedClip(clip.name, clip.path, reason) for clip, reason in bar if reason]


class _DecodeReasons(Dataset[str]):
    """Why each clip cannot be decoded; empty where it can."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> str:
        try:
            for _ in every_frame(self._paths[index], 1):
                pass
        except DecodeError as error:
            return str(error)
        return ""
