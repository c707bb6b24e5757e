"""Draws the progress bar of everything that goes through the clips of a data set."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(what: str, total: int, shown: bool = True) -> Iterator[Callable[[int], None]]:
    """Draws a bar with the time left on a terminal's stderr, or its last state where that is no terminal.

    Args:
        what: What is being done, in a few words.
        total: The number of clips.
        shown: Draws the bar; False draws nothing.

    Yields:
        A function that is called with the number of clips finished since its last call.
    """
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as progress:
        task = progress.add_task("", total=total)
        yield lambda clips: progress.advance(task, clips)
