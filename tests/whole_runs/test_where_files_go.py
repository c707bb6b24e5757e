"""A run writes to its folder and to the cache folder that its config names, and nowhere else."""

from pathlib import Path

import pytest
from tests.runs import TINY, run_apart

# By which the user of the machine may have named other places.
_VARIABLES = (
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR",
    "WANDB_API_KEY", "WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_CONFIG_DIR",
)  # fmt: skip


@pytest.mark.parametrize("logger", ["none", "wandb"])
def test_nothing_is_left_elsewhere(logger: str, cache_dir: Path, tmp_path: Path) -> None:
    home, temporary, work = (tmp_path / name for name in ("home", "temporary", "work"))
    for folder in (home, temporary, work):
        folder.mkdir()
    unset: dict[str, str | None] = dict.fromkeys(_VARIABLES)
    options = ["model.name=micacl", f"logger={logger}", f"cache.dir={cache_dir}", f"hydra.run.dir={tmp_path}/run"]
    places: dict[str, str | None] = {"HOME": str(home), "TMPDIR": str(temporary)}
    places |= {"WANDB_MODE": "offline", "PYTHONDONTWRITEBYTECODE": "1"}
    outcome = run_apart([*TINY, *options], work, module="micacl.train", **(unset | places))
    assert outcome.status == 0, outcome.shown
    assert (tmp_path / "run" / "wandb").is_dir() == (logger == "wandb")
    assert [str(path) for folder in (home, temporary, work) for path in folder.rglob("*")] == []
