"""Measures what a network costs: its parameters, and the multiply-adds and the time of one clip.

Multiply-adds, not FLOPs: PyTorch's counter counts two FLOPs for each multiply-add, and the field prints multiply-adds
under the name of GFLOPs (16 frames of ResNet-18 at 112x112 take 7.77 G of them; Table I prints 7.78 with its LSTM).
"""

import copy
import functools
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from micacl.models.backbone import ShallowConv3d

FLOPS_PER_MULTIPLY_ADD = 2
WARM_UP = 5


def num_parameters(network: nn.Module) -> int:
    """Counts all parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(network: nn.Module, clip_shape: Sequence[int], padding: bool = False) -> int:
    """Counts the multiply-adds of one clip in convolutions and matrix products, without biases.

    Normalisations, activations, softmaxes and pooling are not counted: the field counts them nowhere.

    Args:
        network: A network that takes clips; it is not changed.
        clip_shape: The shape of one clip, (3, F, H, W).
        padding: Whether to count every temporal tap, as counts of torchvision's ``r3d_18`` do. Without it only what is
            computed is counted: on one or two frames the convolutions skip the taps that meet nothing but padding.
    """
    counted = copy.deepcopy(network).cpu().float().eval()
    if padding:
        for module in counted.modules():
            if isinstance(module, ShallowConv3d):
                module.forward = functools.partial(nn.Conv3d.forward, module)  # type: ignore[method-assign]
    with torch.no_grad(), _every_product_seen(), FlopCounterMode(display=False) as counter:
        counted(torch.zeros(1, *clip_shape))
    return counter.get_total_flops() // FLOPS_PER_MULTIPLY_ADD


def latency(
    network: nn.Module, clip_shape: Sequence[int], device: torch.device, bfloat16: bool, repeats: int = 20
) -> float:
    """Measures how long the network takes for one clip that is on the device already.

    Args:
        network: A network that takes clips; it is moved to the device and put into evaluation mode.
        clip_shape: The shape of one clip, (3, F, H, W).
        device: The device to measure on.
        bfloat16: Whether to run under autocast to bfloat16.
        repeats: The number of passes that are timed, after some to warm up.

    Returns:
        The median time in seconds.
    """
    network.to(device).eval()
    clip_BCFHW = torch.rand(1, *clip_shape, device=device)
    seconds = []
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        for _ in range(WARM_UP + repeats):
            _wait_for(device)
            start = time.perf_counter()
            network(clip_BCFHW)
            _wait_for(device)
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[WARM_UP:])


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def _every_product_seen() -> Iterator[None]:
    """Computes attention by plain matrix products: the counter knows neither its fused CPU kernel nor its fast path."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
