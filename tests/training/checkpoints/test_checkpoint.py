"""Resuming: it goes on as if nothing had happened, or says in one message why it cannot."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import LambdaCallback
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tests.runs import read_table
from torch import Tensor, nn

from micacl.errors import UserError
from micacl.process.stop import StopRequest
from micacl.training.callbacks import DataWait, EpochTable
from micacl.training.checkpoints.reading import check_resumable, load_network, read_checkpoint, read_to_resume
from micacl.training.checkpoints.tensors import BEST
from micacl.training.checkpoints.writing import BestCheckpoint, LastCheckpoint

if TYPE_CHECKING:
    from tests.training.conftest import Fit, MakeModule

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's hints on loaders


def last_checkpoint(folder: Path) -> LastCheckpoint:
    return LastCheckpoint(folder, math.inf, StopRequest())


class Stopped(Exception):  # noqa: N818 (no error)
    """Stands for whatever ends a run early."""


def stop_in_epoch(epoch: int) -> LambdaCallback:
    def stop(trainer: Trainer, *_: Any) -> None:
        if trainer.current_epoch == epoch - 1:
            raise Stopped

    return LambdaCallback(on_train_batch_end=stop)


def test_a_resumed_training_ends_as_one_that_was_never_interrupted(
    make_module: "MakeModule", fit: "Fit", tmp_path: Path
) -> None:
    whole, part, rest = tmp_path / "whole", tmp_path / "part", tmp_path / "rest"
    for folder in (whole, part, rest):
        folder.mkdir()
    # MCCL draws noise in each step, so this also holds the random state to the checkpoint.
    options: dict[str, Any] = {"mccl": True, "geiim": True, "warmup_epochs": 1}
    uninterrupted = make_module(**options)
    fit(uninterrupted, 3, [DataWait(), EpochTable(whole, "test")])
    interrupted = make_module(**options)
    callbacks = [DataWait(), EpochTable(part, "test"), last_checkpoint(part), stop_in_epoch(2)]
    with pytest.raises(Stopped):
        fit(interrupted, 3, callbacks)
    resumed = make_module(**options)
    with torch.no_grad():
        for parameter in resumed.parameters():
            parameter.zero_()  # everything must come from the checkpoint
    check_resumable(read_to_resume(part / "last.ckpt"), resumed, 3)
    table = EpochTable(rest, "test")
    trainer = fit(resumed, 3, [DataWait(), table], ckpt_path=part / "last.ckpt")
    assert trainer.global_step == 6
    for name, value in uninterrupted.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    expected, found = read_table(whole / "metrics.csv"), read_table(rest / "metrics.csv")
    assert [row["epoch"] for row in found] == ["1", "2", "3"]
    assert [float(row["seconds"]) for row in found] == sorted(float(row["seconds"]) for row in found)
    for row in (*expected, *found):
        del row["seconds"], row["data_wait"]
    assert found == expected


class Rated(LightningModule):
    """Learns nothing; each epoch has the UAR that it is told."""

    def __init__(self, uars: list[float]) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.uars = uars

    def training_step(self, batch: dict[str, Tensor]) -> Tensor:
        return self.layer.weight.sum()

    def validation_step(self, batch: dict[str, Tensor]) -> None:
        self.log("validation/uar", self.uars[self.current_epoch])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["class_names"] = ["joy"]
        checkpoint["epochs_done"] = self.current_epoch + 1


@pytest.mark.parametrize(("uars", "best_epoch"), [([0.9, 0.5, 0.7], 1), ([0.5, 0.4, 0.9], 3), ([0.5, 0.6, 0.5], 2)])
@pytest.mark.parametrize("name", ["before", "after", "link"])
def test_a_resumed_run_knows_the_best_epoch_before_it(
    fit: "Fit", tmp_path: Path, uars: list[float], best_epoch: int, name: str
) -> None:
    before, after = tmp_path / "before", tmp_path / name
    (tmp_path / "link").symlink_to(before)  # another name of the same folder
    fit(Rated(uars), 1, [BestCheckpoint(before, "validation"), last_checkpoint(before)])
    best = BestCheckpoint(after, "validation")
    fit(Rated(uars), 3, [best], ckpt_path=(before if name == "after" else after) / "last.ckpt")
    assert Path(best.best_model_path) == after.resolve() / BEST
    assert read_checkpoint(after / BEST)["epoch"] == best_epoch - 1


def test_a_lost_best_checkpoint_is_sought_anew(fit: "Fit", tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    fit(Rated([0.9]), 1, [BestCheckpoint(before, "validation"), last_checkpoint(before)])
    (before / BEST).unlink()
    best = BestCheckpoint(after, "validation")
    fit(Rated([0.9, 0.1, 0.2]), 3, [best], ckpt_path=before / "last.ckpt")
    assert read_checkpoint(Path(best.best_model_path))["epoch"] == 2


def test_the_best_epoch_is_sought_beside_the_checkpoint_whatever_that_one_names(fit: "Fit", tmp_path: Path) -> None:
    before, after, secret = tmp_path / "before", tmp_path / "after", tmp_path / "secret"
    secret.write_text("of the user who resumes")
    fit(Rated([0.9]), 1, [BestCheckpoint(before, "validation"), last_checkpoint(before)])
    checkpoint = torch.load(before / "last.ckpt", weights_only=True)
    (state,) = (state for name, state in checkpoint["callbacks"].items() if "Best" in name)
    state["best_model_path"] = str(secret)
    torch.save(checkpoint, before / "last.ckpt")
    fit(Rated([0.9, 0.1, 0.2]), 3, [BestCheckpoint(after, "validation")], ckpt_path=before / "last.ckpt")
    assert (after / BEST).read_bytes() == (before / BEST).read_bytes()
    assert secret.read_text() == "of the user who resumes"


def test_the_network_alone_is_a_safetensors_file(make_module: "MakeModule", fit: "Fit", tmp_path: Path) -> None:
    module = make_module(mccl=True, geiim=True)  # MCCL has parameters of its own
    fit(module, 2, [BestCheckpoint(tmp_path, "test"), last_checkpoint(tmp_path)])
    own, last = module.network.state_dict(), torch.load(tmp_path / "last.ckpt", weights_only=True)
    saved = load_file(tmp_path / BEST)
    assert saved.keys() == own.keys()
    assert all(saved[name].shape == own[name].shape and saved[name].dtype == own[name].dtype for name in own)
    with safe_open(tmp_path / BEST, framework="pt") as file:
        metadata = file.metadata()
    checkpoint = read_checkpoint(tmp_path / BEST)
    assert (json.loads(metadata["class_names"]), metadata["fold"]) == (["joy", "fear", "anger"], "1")
    assert int(metadata["epoch"]) == checkpoint["epoch"] + 1
    assert checkpoint["class_names"] == last["class_names"]
    copy = make_module(mccl=True, geiim=True)
    load_network(tmp_path / BEST, checkpoint, copy.network)
    assert all(torch.equal(value, saved[name]) for name, value in copy.network.state_dict().items())


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"epoch": "1"},
        {"class_names": "[]"},
        {"class_names": "['joy']", "epoch": "1"},
        {"class_names": "[1]", "epoch": "1"},
        {"class_names": '["joy"]', "epoch": "one"},
        {"class_names": "[" * 100_000, "epoch": "1"},
    ],
    ids=lambda metadata: str(metadata)[:40],
)
def test_weights_of_someone_elses_are_no_checkpoint(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "x.safetensors", metadata)
    with pytest.raises(UserError, match=r"x\.safetensors is no checkpoint of micacl\.train"):
        read_checkpoint(tmp_path / "x.safetensors")


def test_damaged_weights_and_a_pickle_under_their_name(tmp_path: Path) -> None:
    from tests.training.test_pretrained import Bomb

    save_file({"a": torch.zeros(100)}, tmp_path / "whole.safetensors")
    whole, path = (tmp_path / "whole.safetensors").read_bytes(), tmp_path / "cut.safetensors"
    for size in (0, 1, 8, 50, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match=r"cut\.safetensors cannot be read"):
            read_checkpoint(path)
    for new_format in (True, False):
        torch.save({"a": Bomb(tmp_path / "executed")}, path, _use_new_zipfile_serialization=new_format)
        with pytest.raises(UserError, match=r"cut\.safetensors cannot be read"):
            read_checkpoint(path)
    assert not (tmp_path / "executed").exists()


def message_of(path: Path, module: Any, epochs: int = 3) -> str:
    with pytest.raises(UserError) as caught:
        check_resumable(read_to_resume(path), module, epochs)
    message = str(caught.value)
    assert str(path) in message
    assert "weights_only" not in message
    assert "\n" not in message
    assert len(message) < 700
    return message


def test_what_does_not_fit_is_said_in_one_message(make_module: "MakeModule", fit: "Fit", tmp_path: Path) -> None:
    module = make_module()
    fit(module, 1, [BestCheckpoint(tmp_path, "test"), last_checkpoint(tmp_path)])
    last, best = tmp_path / "last.ckpt", tmp_path / BEST
    check_resumable(read_to_resume(last), module, 2)
    assert "holds the network alone" in message_of(best, module)
    assert "is of epoch 1, so nothing is left of training.epochs=1" in message_of(last, module, 1)
    message = message_of(last, make_module(mccl=True, geiim=True))
    assert "loss.contrastive." in message
    assert "is missing in the file" in message
    assert "ablation options" in message
    other = make_module()
    other.class_names = ["joy", "anger", "fear"]
    assert "trained on the classes joy, fear, anger, this data set has joy, anger, fear" in message_of(last, other)


def test_files_that_are_no_checkpoints(make_module: "MakeModule", fit: "Fit", tmp_path: Path) -> None:
    module = make_module()
    fit(module, 1, [last_checkpoint(tmp_path)])
    whole = (tmp_path / "last.ckpt").read_bytes()
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.ckpt").write_bytes(whole[:size])
        assert "cannot be read" in message_of(tmp_path / "cut.ckpt", module), size
    torch.save(module.state_dict(), tmp_path / "weights.ckpt")
    assert "no checkpoint of micacl.train" in message_of(tmp_path / "weights.ckpt", module)
    assert "there is no checkpoint" in message_of(tmp_path / "none.ckpt", module)
    assert "there is no checkpoint" in message_of(tmp_path, module)


def test_code_in_a_checkpoint_is_not_run(make_module: "MakeModule", tmp_path: Path) -> None:
    from tests.training.test_pretrained import Bomb

    content = {"state_dict": {}, "class_names": [], "epoch": 0, "x": Bomb(tmp_path / "executed")}
    torch.save(content, tmp_path / "bomb.ckpt")
    assert "never loaded" in message_of(tmp_path / "bomb.ckpt", make_module())
    assert not (tmp_path / "executed").exists()
