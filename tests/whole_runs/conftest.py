"""What whole runs do without."""

from collections.abc import Iterator

import pytest


@pytest.fixture
def no_pictures() -> Iterator[None]:
    """Leaves out ``confusion_matrix.png`` and the like, half of the time of a tiny run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("micacl.run.outcome.save_figures", lambda *_: None)
        yield
