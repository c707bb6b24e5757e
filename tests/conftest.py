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
    """A backbone of 25,000 parameters in place of R3D-18's 33 million."""
    from tests.runs import SmallBackbone

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("micacl.models.micacl.R3DBackbone", SmallBackbone)
        yield
