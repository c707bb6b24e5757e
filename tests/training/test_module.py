"""The LightningModule: it learns, clips, stops at what is not finite, and reports what it measured."""

import math
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import torch
from lightning import Trainer
from lightning.pytorch.callbacks import LambdaCallback
from torch import Tensor

from micacl.errors import UserError
from micacl.training.callbacks import DataWait
from micacl.training.module import ExpressionModule, NonFiniteLossError
from micacl.training.predictions import recognition_rates
from micacl.training.schedule import learning_rate_factor

if TYPE_CHECKING:
    from tests.training.conftest import Fit, MakeModule

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's hints on loaders


@pytest.mark.parametrize("mccl", [False, True])
def test_learns_a_few_clips_by_heart(make_module: "MakeModule", fit: "Fit", mccl: bool) -> None:
    module = make_module(mccl=mccl)
    trainer = fit(module, 30)
    assert float(trainer.callback_metrics["test/war"]) == 1
    assert float(trainer.callback_metrics["test/uar"]) == 1


def test_rates_and_recalls_belong_to_their_classes(make_module: "MakeModule", fit: "Fit") -> None:
    module = make_module(learning_rate=1e-12, min_learning_rate=0)
    with torch.no_grad():
        head: Any = module.network.head
        head.weight.zero_()
        head.bias.copy_(torch.tensor([0.0, 9.0, 0.0]))  # everything is "fear"
    trainer = fit(module, 1)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert metrics["test/recall_fear"] == 1
    assert metrics["test/recall_joy"] == metrics["test/recall_anger"] == 0
    assert metrics["test/war"] == metrics["test/uar"] == pytest.approx(1 / 3)


def test_the_test_predictions_are_kept_with_their_index(
    make_module: "MakeModule", fit: "Fit", clips: list[dict[str, Tensor]]
) -> None:
    module = make_module()
    trainer = fit(module, 1)
    shuffled = [clips[i] for i in (5, 3, 0)]
    trainer.test(module, torch.utils.data.DataLoader(shuffled, batch_size=2), verbose=False)  # type: ignore[arg-type]
    predictions = module.test_predictions
    assert predictions is not None
    assert predictions.index_N.tolist() == [0, 3, 5]
    assert predictions.label_N.tolist() == [0, 0, 2]
    module.eval()
    with torch.no_grad():
        output = module.network(torch.stack([clips[i]["clip"] for i in (0, 3, 5)]))
    torch.testing.assert_close(predictions.probability_NK, output.logits_BK.softmax(-1))
    torch.testing.assert_close(predictions.features_NC, output.features_BC)
    right = [int(row.argmax()) == label for row, label in zip(output.logits_BK, (0, 0, 2), strict=True)]
    assert recognition_rates(predictions).war == pytest.approx(sum(right) / 3)


def test_the_learning_rate_follows_the_schedule_step_by_step(make_module: "MakeModule", fit: "Fit") -> None:
    module = make_module(learning_rate=1e-3, min_learning_rate=1e-5, warmup_epochs=1.5)
    found: list[float] = []

    def remember(trainer: Trainer, *_: Any) -> None:
        found.append(trainer.optimizers[0].param_groups[0]["lr"])

    fit(module, 5, [LambdaCallback(on_before_optimizer_step=remember)])
    expected = [1e-3 * learning_rate_factor(step, 3, 10, 1e-3, 1e-5) for step in range(10)]
    assert found == pytest.approx(expected)
    assert found[-1] == pytest.approx(1e-5)


def gradient_norms(module: ExpressionModule, fit: "Fit") -> tuple[float, float]:
    """The norm that was logged, before clipping, and the norm of what the optimiser used in the last step."""
    used: list[float] = []

    def remember(optimizer: torch.optim.Optimizer, *_: Any) -> None:
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        used.append(float(torch.linalg.vector_norm(torch.cat([gradient.flatten() for gradient in gradients]))))

    def watch(trainer: Trainer, *_: Any) -> None:
        trainer.optimizers[0].register_step_post_hook(remember)

    fit(module, 1, [LambdaCallback(on_train_start=watch)])
    return module.epoch_figures()["train/gradient_norm"], used[-1]


def test_gradients_are_clipped(make_module: "MakeModule", fit: "Fit") -> None:
    logged, used = gradient_norms(make_module(gradient_clip_norm=1e-3), fit)
    assert logged > 1e-2
    assert used == pytest.approx(1e-3, rel=1e-3)
    logged, used = gradient_norms(make_module(gradient_clip_norm=math.inf), fit)
    assert used > 1e-2


def test_a_loss_that_is_not_finite_stops_the_training(
    make_module: "MakeModule", fit: "Fit", clips: list[dict[str, Tensor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(clips[8], "clip", torch.full((3, 4, 8, 8), math.nan))
    module = make_module()
    with pytest.raises(NonFiniteLossError) as caught:
        fit(module, 3)
    assert isinstance(caught.value, UserError)
    assert caught.value.step == 1
    assert caught.value.index_B == [6, 7, 8, 9, 10, 11]
    assert "step 1 (cross_entropy nan, total nan)" in str(caught.value)
    assert "non_finite_batch.csv" in str(caught.value)
    assert all(torch.isfinite(parameter).all() for parameter in module.parameters()), "the step was not taken"


def test_terms_alpha_and_waiting_are_logged(make_module: "MakeModule", fit: "Fit") -> None:
    module = make_module(mccl=True, geiim=True)
    trainer = fit(module, 1, [DataWait()])
    metrics: dict[str, Any] = {**trainer.callback_metrics, **module.epoch_figures()}
    assert {
        "train/total", "train/cross_entropy", "train/contrastive", "geiim/alpha", "learning_rate", "data_wait",
    } <= set(metrics)  # fmt: skip
    assert metrics["mccl/temperature"] == pytest.approx(0.14)  # three classes with as many clips: twice tau0


def test_the_share_of_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0, 13.0, 14.0, 14.0, 20.0, 23.0, 23.0])  # the beginning and the end of three steps
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    logged: dict[str, float] = {}
    wait, module = DataWait(), mock.Mock(log=logged.__setitem__)
    wait.on_train_epoch_start(mock.Mock(), module)
    for step in range(3):
        wait.on_train_batch_start(mock.Mock(), module, None, step)
        wait.on_train_batch_end(mock.Mock(), module, None, None, step)
    wait.on_train_epoch_end(mock.Mock(), module)
    # Waits of 3 s and 6 s between the steps; steps of 1 s and 3 s after the first, which is left out.
    assert logged == {"data_wait": pytest.approx(9 / 13)}
