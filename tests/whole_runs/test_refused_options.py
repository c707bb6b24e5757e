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
        (["model.geiim.kernels=[2]"], ["Error: model: GEIIM needs odd kernel sizes"]),
        (["model.wian.weight_scale=other"], ["Error: model: weight_scale must be one of"]),
        (["loss.contrastive.scales=[1024]"], ["Error: loss.contrastive: scales must lie in 1..512"]),
        (["loss.contrastive.form=linear"], ["Error: loss.contrastive: form must be one of"]),
        (["loss.name=other"], ["Error: there is no loss 'other'"]),
        (["dataset.num_workers=many"], ["Error: num_workers is many"]),
        (["dataset.on_error=ignore"], ["Error: on_error is ignore; set it to raise or skip"]),
        (["dataset.size=0"], ["Error: size is 0"]),
        (["dataset.crop_scale=[0.5]"], ["Error: crop_scale is [0.5]"]),
        (["protocol.validation_fraction=0.9"], ["Error: validation_fraction is 0.9"]),
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
