"""The fixtures of whole runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "whole_runs"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the files of whole runs first: few tests, but minutes of them, that should not be left to one worker."""
    items.sort(key=lambda item: item.path.parent != FOLDER)


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tiny built-in data set is drawn once, by the first run that asks for it."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def small_network() -> Iterator[None]:
    """Lets ``model.name=small`` choose a network whose backbone has 25,000 parameters, not R3D-18's 33 million."""
    from tests.small_network import small_network

    from micacl.build.network import NETWORKS

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "small", small_network())
        yield
