"""The real command with the real network, in processes of its own: what it leaves, and that it writes nowhere else."""

from pathlib import Path

import pytest
from tests.runs import TINY, Outcome, compose_settings, read_table, run_apart
from tests.whole_runs.test_train import FILES, assert_each_test_clip_once, files_of

from micacl.build.data import build_data

# By which the user of the machine may have named other places, or given a key.
_VARIABLES = (
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR",
    "WANDB_API_KEY", "WANDB_MODE", "WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_CONFIG_DIR",
)  # fmt: skip


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """Empty folders that a library might write to."""
    folders = {name: tmp_path / name for name in ("home", "tmp", "work")}
    for folder in folders.values():
        folder.mkdir()
    return folders


@pytest.fixture
def drawn(cache_dir: Path) -> Path:
    """The cache folder with the clips in it: what is shown while they are drawn is no run's."""
    build_data(compose_settings(*TINY, f"cache.dir={cache_dir}")).clip_names("train")
    return cache_dir


def train(cache_dir: Path, places: dict[str, Path], *options: str) -> Outcome:
    """Trains in work/run; whatever else is written in one of the places is a mistake."""
    variables: dict[str, str | None] = dict.fromkeys(_VARIABLES)
    variables |= {"HOME": str(places["home"]), "TMPDIR": str(places["tmp"]), "PYTHONDONTWRITEBYTECODE": "1"}
    variables |= {"NETRC": str(places["home"] / "none")}
    arguments = [*TINY, "model.name=micacl", f"cache.dir={cache_dir}", "hydra.run.dir=run", *options]
    outcome = run_apart(arguments, places["work"], module="micacl.train", **variables)
    assert outcome.status == 0, outcome.shown
    left = [path for folder in places.values() for path in folder.rglob("*")]
    run = places["work"] / "run"
    assert [str(path) for path in left if path != run and run not in path.parents] == []
    assert "Warning" not in outcome.stderr
    return outcome


def test_with_wandb_offline_and_nobody_to_ask(drawn: Path, places: dict[str, Path]) -> None:
    outcome = train(drawn, places, "logger=wandb", "trainer=auto", "dataset.num_workers=1")
    folder = places["work"] / "run"
    assert {name for name in files_of(folder) if not name.startswith("wandb/")} == FILES
    (offline,) = (folder / "wandb").glob("offline-run-*")
    assert list(offline.glob("run-*.wandb"))
    assert_each_test_clip_once(folder)
    assert outcome.stderr.strip() == ""


def test_two_processes(drawn: Path, places: dict[str, Path]) -> None:
    """The slowest test: two processes, each with the real network."""
    options = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "training.batch_size=8"]
    outcome = train(drawn, places, *options, "ablation=c")
    folder = places["work"] / "run"
    assert files_of(folder) == FILES
    assert_each_test_clip_once(folder)
    assert [row["step"] for row in read_table(folder / "metrics.csv")] == ["3"]
    assert outcome.shown.count("epoch 1/1") == 1
