"""The device of a run in words."""

import torch

from micacl.build.trainer import device_name


def test_the_device_of_a_cpu_says_its_threads() -> None:
    assert device_name(torch.device("cpu")) == f"cpu, {torch.get_num_threads()} threads"
