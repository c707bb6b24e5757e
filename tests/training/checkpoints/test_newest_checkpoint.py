"""The newest whole checkpoint is found, whatever has happened to the files."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from micacl.process.stop import StopRequest
from micacl.training.checkpoints.reading import newest_checkpoint
from micacl.training.checkpoints.writing import DurableCheckpointIO, LastCheckpoint

if TYPE_CHECKING:
    from tests.training.conftest import Fit, MakeModule

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's hints on loaders


@pytest.fixture
def folder(make_module: "MakeModule", fit: "Fit", tmp_path: Path) -> Path:
    """With two checkpoints: of the second epoch, and of the first."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    fit(make_module(), 1, [LastCheckpoint(folder, math.inf, StopRequest())])
    saved = torch.load(folder / "last.ckpt", weights_only=True)
    DurableCheckpointIO({}).save_checkpoint(saved | {"epoch": 1}, folder / "last.ckpt")
    return folder


def epoch_of(path: Path | None) -> int:
    assert path is not None
    epoch = torch.load(path, weights_only=True)["epoch"]
    assert isinstance(epoch, int)
    return epoch


def test_the_newest_is_taken_and_halves_are_removed(folder: Path) -> None:
    (folder / ".last.123.ckpt").write_bytes(b"half of one")
    assert newest_checkpoint(folder) == folder / "last.ckpt"
    assert epoch_of(folder / "last.ckpt") == 1
    assert epoch_of(folder / "previous.ckpt") == 0
    assert {path.name for path in folder.iterdir()} == {"last.ckpt", "previous.ckpt"}
    (folder / "last.ckpt").unlink()  # killed between the two renamings
    assert newest_checkpoint(folder) == folder / "previous.ckpt"
    assert newest_checkpoint(folder / "missing") is None


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_a_flipped_bit_anywhere_in_the_weights_is_found(
    folder: Path, share: float, caplog: pytest.LogCaptureFixture
) -> None:
    last = folder / "last.ckpt"
    content = bytearray(last.read_bytes())
    # Where the archive's entries lie apart, the bytes between them mean nothing: damage some in a row.
    start = int(share * (len(content) - 64))
    for position in range(start, start + 64):
        content[position] ^= 1
    last.write_bytes(content)
    assert newest_checkpoint(folder) == folder / "previous.ckpt"
    assert f"{last} is damaged" in caplog.text
    assert (folder / "damaged.ckpt").read_bytes() == bytes(content)


def test_cut_files_and_code_are_no_checkpoints(folder: Path, tmp_path: Path) -> None:
    from tests.training.test_pretrained import Bomb

    last, previous = folder / "last.ckpt", folder / "previous.ckpt"
    last.write_bytes(last.read_bytes()[:-100])
    torch.save({"state_dict": {}, "class_names": [], "epoch": 0, "x": Bomb(tmp_path / "executed")}, previous)
    assert newest_checkpoint(folder) is None
    assert not (tmp_path / "executed").exists()
