"""Assembles the global batch under distributed training."""

import torch
import torch.distributed
import torch.distributed.nn.functional
from torch import Tensor


def is_distributed() -> bool:
    """Tells whether several processes train together."""
    return (
        torch.distributed.is_available()
        and torch.distributed.is_initialized()
        and torch.distributed.get_world_size() > 1
    )


def gather(x_BC: Tensor) -> Tensor:
    """Concatenates the rows of all ranks, in the order of the ranks; gradients flow back to each rank's own rows.

    Args:
        x_BC: This rank's rows, the same number on every rank.

    Returns:
        The global batch, shape (R B, ...) on R ranks; ``x_BC`` itself with one process.
    """
    if not is_distributed():
        return x_BC
    if x_BC.requires_grad:
        return torch.cat(torch.distributed.nn.functional.all_gather(x_BC.contiguous()))
    parts = [torch.empty_like(x_BC) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(parts, x_BC.contiguous())
    return torch.cat(parts)


def normal_noise(x_BC: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draws normal noise for the global batch and returns this rank's rows.

    The sampler deals out the clips in turn, so with generators in the same state a clip gets the noise that it would
    get on one process.

    Args:
        x_BC: This rank's rows, the same number on every rank.
        generator: The source of the noise; None for PyTorch's own.

    Returns:
        Noise of the shape of ``x_BC``.
    """
    rank, num_ranks = (torch.distributed.get_rank(), torch.distributed.get_world_size()) if is_distributed() else (0, 1)
    shape = (num_ranks * len(x_BC), *x_BC.shape[1:])
    return torch.randn(shape, generator=generator, dtype=x_BC.dtype, device=x_BC.device)[rank::num_ranks]
