"""Options that are refused once the data is there: in one message, with a status that is not 0, without a traceback."""

from pathlib import Path

import pytest
from tests.runs import TINY, assert_refused, run_here


@pytest.fixture
def drawn(cache_dir: Path, small_network: None) -> list[str]:
    """The options of a run on clips that are drawn once for all tests."""
    return [*TINY, f"cache.dir={cache_dir}"]


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (["trainer=gpu"], ["Error: trainer: No supported gpu backend found"]),
        (["trainer.accelerator=abacus"], ["Error: trainer:", "abacus"]),
        (["trainer.devices=0"], ["Error: trainer:", "devices"]),
        (["trainer.num_nodes=2"], ["Error: trainer.num_nodes=2 machines train together only where srun or torchrun"]),
        (["trainer.devices=some"], ["Error: trainer:", "devices"]),
        (["model.backbone.weights=IMAGENET"], ["Error: model.backbone.weights=IMAGENET is neither", "KINETICS400_V1"]),
        (["model.attention.num_heads=3"], ["Error: model: feature_dim=512 is not divisible by num_heads=3"]),
        (["loss.contrastive.scales=[1024]"], ["Error: loss.contrastive: scales must lie in 1..512"]),
        (["loss.contrastive.scales=[]"], ["Error: loss.contrastive: scales must lie in 1..512"]),
        (
            ["dataset.decode.backend=decord", "dataset.decode.device=cuda"],
            ["Error: dataset.decode.backend=decord cannot decode on a GPU"],
        ),
        (["ckpt_path=none.ckpt"], ["Error: there is no checkpoint none.ckpt"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and "=" in value[0] else "",
)
def test_bad_input_is_refused_in_one_message(
    tmp_path: Path, drawn: list[str], arguments: list[str], messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert_refused(run_here([*drawn, f"hydra.run.dir={tmp_path}", *arguments]), *messages)
