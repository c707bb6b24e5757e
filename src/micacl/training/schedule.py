"""Computes the schedule of the learning rate: linear warm-up, then a cosine to a minimum, by step."""

import math


def learning_rate_factor(
    step: int, warmup_steps: int, total_steps: int, learning_rate: float, min_learning_rate: float
) -> float:
    """Computes the learning rate at a step, as a share of its peak.

    Section IV-A: a cosine from 4e-4 to 3e-6 over 300 epochs; the warm-up is M3DFEL's.

    Args:
        step: The number of optimiser steps done.
        warmup_steps: The number of steps of linear growth, from 1 / warmup_steps to 1.
        total_steps: The number of all steps of the training, with the warm-up.
        learning_rate: The peak.
        min_learning_rate: The learning rate at the end of the cosine.

    Returns:
        A factor in (0, 1].
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = min(1.0, (step - warmup_steps) / max(1, total_steps - 1 - warmup_steps))
    floor = min_learning_rate / learning_rate
    return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
