"""The learning rate against torch's own schedulers."""

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR

from micacl.training.schedule import learning_rate_factor

PEAK, MINIMUM = 4e-4, 3e-6


def rates(warmup_steps: int, total_steps: int) -> list[float]:
    return [PEAK * learning_rate_factor(step, warmup_steps, total_steps, PEAK, MINIMUM) for step in range(total_steps)]


def steps_of(scheduler: LinearLR | CosineAnnealingLR, num_steps: int) -> list[float]:
    found = []
    for _ in range(num_steps):
        found.append(float(scheduler.get_last_lr()[0]))
        scheduler.optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize(("warmup_steps", "total_steps"), [(2, 9), (20, 300), (7, 8), (0, 40), (0, 2)])
def test_against_torchs_schedulers(warmup_steps: int, total_steps: int) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], PEAK)
    expected = []
    if warmup_steps:
        linear = LinearLR(optimizer, start_factor=1 / warmup_steps, total_iters=warmup_steps - 1)
        expected = steps_of(linear, warmup_steps)
    optimizer = torch.optim.SGD([torch.zeros(1)], PEAK)
    if total_steps - warmup_steps > 1:
        cosine = CosineAnnealingLR(optimizer, T_max=total_steps - warmup_steps - 1, eta_min=MINIMUM)
        expected += steps_of(cosine, total_steps - warmup_steps)
    else:
        expected.append(PEAK)  # one step is the peak and the end at once
    assert rates(warmup_steps, total_steps) == pytest.approx(expected, rel=1e-9)


def test_begins_low_peaks_after_the_warm_up_and_ends_at_the_minimum() -> None:
    found = rates(10, 100)
    assert found[0] == pytest.approx(PEAK / 10)
    assert max(found) == found[9] == found[10] == PEAK
    assert found[-1] == pytest.approx(MINIMUM, rel=1e-15)
    assert found[:10] == sorted(found[:10])
    assert found[10:] == sorted(found[10:], reverse=True)


def test_short_trainings() -> None:
    assert rates(0, 1) == [PEAK]
    assert rates(1, 1) == [PEAK]
    assert rates(4, 2) == pytest.approx([PEAK / 4, PEAK / 2])  # a training that ends in its warm-up
    assert learning_rate_factor(1000, 10, 100, PEAK, MINIMUM) == pytest.approx(MINIMUM / PEAK)
