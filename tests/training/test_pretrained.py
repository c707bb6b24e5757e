"""Pre-trained weights: torchvision's own load, and everything else is refused with a way out."""

import os
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models.video import R3D_18_Weights, r3d_18

from micacl.errors import UserError
from micacl.models import R3DBackbone
from micacl.training.pretrained import load_backbone_weights


@pytest.fixture(scope="module")
def backbone() -> R3DBackbone:
    return R3DBackbone().eval()


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    """Stands for the published weights, which a test cannot download."""
    torch.manual_seed(3)
    return dict(r3d_18().state_dict())


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.path),)


def message_of(backbone: R3DBackbone, weights: str) -> str:
    with pytest.raises(UserError) as caught:
        load_backbone_weights(backbone, weights)
    message = str(caught.value)
    assert "model.backbone.weights=null" in message
    assert "weights_only" not in message
    assert "\n" not in message
    return message


def test_a_state_dict_of_torchvision_loads(
    backbone: R3DBackbone, published: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save(published, tmp_path / "r3d_18.pth")
    load_backbone_weights(backbone, str(tmp_path / "r3d_18.pth"))
    own = backbone.state_dict()
    assert set(published) - set(own) == {"fc.weight", "fc.bias"}
    assert all(torch.equal(own[name], published[name]) for name in own)
    # The older of torch's two formats, in which many published files are.
    torch.save(published, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    load_backbone_weights(backbone, str(tmp_path / "old.pth"))


def test_safetensors_load_too(backbone: R3DBackbone, published: dict[str, torch.Tensor], tmp_path: Path) -> None:
    whole = {f"backbone.{name}": value for name, value in published.items() if not name.startswith("fc.")}
    files = {"r3d_18": published, "best": whole | {"head.weight": torch.zeros(1)}}  # torchvision's, and a whole network
    for name, state in files.items():
        with torch.no_grad():
            next(backbone.parameters()).zero_()
        save_file(state, tmp_path / f"{name}.safetensors")
        load_backbone_weights(backbone, str(tmp_path / f"{name}.safetensors"))
        assert all(torch.equal(value, published[key]) for key, value in backbone.state_dict().items())
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    assert "is missing in the file" in message_of(backbone, str(tmp_path / "other.safetensors"))
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "r3d_18.safetensors").read_bytes()[:-1])
    assert "cannot be read" in message_of(backbone, str(tmp_path / "cut.safetensors"))


def test_a_name_asks_torchvision_and_checks_the_hash(
    backbone: R3DBackbone, published: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, bool]] = []

    def get_state_dict(weights: R3D_18_Weights, progress: bool, check_hash: bool) -> dict[str, torch.Tensor]:
        asked.append((weights.name, check_hash))
        return published

    monkeypatch.setattr(R3D_18_Weights, "get_state_dict", get_state_dict)
    load_backbone_weights(backbone, "KINETICS400_V1")
    assert asked == [("KINETICS400_V1", True)]


@pytest.mark.parametrize(
    "error", [URLError("no route to host"), RuntimeError("invalid hash value"), OSError(28, "full")]
)
def test_a_failed_download_names_the_address(
    backbone: R3DBackbone, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def get_state_dict(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(R3D_18_Weights, "get_state_dict", get_state_dict)
    message = message_of(backbone, "KINETICS400_V1")
    assert R3D_18_Weights.KINETICS400_V1.url in message
    assert str(error) in message


def test_neither_a_name_nor_a_file(backbone: R3DBackbone, tmp_path: Path) -> None:
    assert "is neither a file nor one of KINETICS400_V1" in message_of(backbone, "KINETICS")
    assert "is neither a file nor one of KINETICS400_V1" in message_of(backbone, str(tmp_path / "none.pth"))
    assert "is neither a file" in message_of(backbone, str(tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "are no state dict"),
        ({"state_dict": {}, "epoch": 3}, "are no state dict"),
        ({}, "is missing in the file; .*; and 117 more"),
        ({1: torch.zeros(1)}, "are no state dict"),
        ({"conv1.weight": torch.zeros(1)}, "is missing in the file; .* more"),
    ],
)
def test_a_file_of_something_else(backbone: R3DBackbone, tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "weights.pth")
    found = message_of(backbone, str(tmp_path / "weights.pth"))
    assert re.search(message, found)
    assert len(found) < 700


def test_other_shapes(backbone: R3DBackbone, published: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(published | {"stem.0.weight": torch.zeros(64, 1, 3, 7, 7)}, tmp_path / "grey.pth")
    assert "stem.0.weight has the shape (64, 1, 3, 7, 7) there and (64, 3, 3, 7, 7) here" in message_of(
        backbone, str(tmp_path / "grey.pth")
    )


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_files_that_cannot_be_read(backbone: R3DBackbone, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1000)}, tmp_path / "whole.pth")
    whole = (tmp_path / "whole.pth").read_bytes()
    damaged = {
        "empty": b"",
        "text": b"no weights at all",
        "web page": b"<!DOCTYPE html><html></html>" * 50,
        "zip": b"PK\x03\x04" + bytes(40),
        "first half": whole[: len(whole) // 2],
        "without its end": whole[:-30],
        "pickle": pickle.dumps({"stem.0.weight": [1.0]}),
        "cut pickle": pickle.dumps({"stem.0.weight": [1.0] * 99})[:40],
    }
    for name, content in damaged.items():
        path = tmp_path / f"{name}.pth"
        path.write_bytes(content)
        assert str(path) in message_of(backbone, str(path)), name


@pytest.mark.parametrize("new_format", [True, False])
def test_code_in_a_file_is_not_run(backbone: R3DBackbone, tmp_path: Path, new_format: bool) -> None:
    path, trace = tmp_path / "bomb.pth", tmp_path / "executed"
    torch.save({"stem.0.weight": Bomb(trace)}, path, _use_new_zipfile_serialization=new_format)
    assert "never loaded" in message_of(backbone, str(path))
    shutil.copy(path, tmp_path / "bomb.safetensors")
    assert "cannot be read" in message_of(backbone, str(tmp_path / "bomb.safetensors"))
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists(), "the bomb does not work, so the test shows nothing"
