"""The newest whole checkpoint is found, whatever has happened to the files."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tests.runs import tensors

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


def found_in(folder: Path) -> Path | None:
    found = newest_checkpoint(folder)
    return None if found is None else found.path


def test_the_newest_is_taken_and_halves_are_removed(folder: Path) -> None:
    (folder / ".last.123.ckpt").write_bytes(b"half of one")
    assert found_in(folder) == folder / "last.ckpt"
    assert epoch_of(folder / "last.ckpt") == 1
    assert epoch_of(folder / "previous.ckpt") == 0
    assert {path.name for path in folder.iterdir()} == {"last.ckpt", "previous.ckpt"}
    (folder / "last.ckpt").unlink()  # killed between the two renamings
    assert found_in(folder) == folder / "previous.ckpt"
    assert found_in(folder / "missing") is None


def test_what_was_found_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer gets what was checked, and the memory is free once it has it."""
    reads: list[Path] = []
    load = torch.load

    def count(path: Path, **options: Any) -> Any:
        reads.append(path)
        return load(path, **options)

    monkeypatch.setattr(torch, "load", count)
    found = newest_checkpoint(folder)
    assert found is not None
    checkpoint_io = DurableCheckpointIO({})
    checkpoint_io.hand_over(found)
    other = checkpoint_io.load_checkpoint(folder / "previous.ckpt", weights_only=True)
    before = len(reads)
    taken = checkpoint_io.load_checkpoint(found.path, weights_only=True)
    assert reads[0] == folder / "last.ckpt"
    assert len(reads) == before
    assert (other["epoch"], taken["epoch"], found.content) == (0, 1, {})
    expected = load(folder / "last.ckpt", weights_only=True)
    saved, given = tensors(expected), tensors(taken)
    assert saved.keys() == given.keys()
    assert all(torch.equal(saved[name], given[name]) for name in saved)
    assert checkpoint_io.load_checkpoint(found.path, weights_only=True)["epoch"] == 1, "it is read from the file again"


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
    assert found_in(folder) == folder / "previous.ckpt"
    assert f"{last} is damaged" in caplog.text
    assert (folder / "damaged.ckpt").read_bytes() == bytes(content)


def test_cut_files_and_code_are_no_checkpoints(folder: Path, tmp_path: Path) -> None:
    from tests.training.test_pretrained import Bomb

    last, previous = folder / "last.ckpt", folder / "previous.ckpt"
    last.write_bytes(last.read_bytes()[:-100])
    torch.save({"state_dict": {}, "class_names": [], "epoch": 0, "x": Bomb(tmp_path / "executed")}, previous)
    assert found_in(folder) is None
    assert not (tmp_path / "executed").exists()
