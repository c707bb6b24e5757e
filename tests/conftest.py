"""The order of the tests, and the fixtures of whole runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "whole_runs"


@pytest.hookimpl(tryfirst=True)  # before `-m` selects by markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks whole runs as slow, and puts files with slow tests first, so that none is left to one worker at the end."""
    for item in items:
        if item.path.parent == FOLDER:
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


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
