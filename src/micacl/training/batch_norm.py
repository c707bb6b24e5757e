"""Normalises over the global batch on CPUs, for which PyTorch has no synchronised batch normalisation."""

import torch
import torch.distributed
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


class GlobalBatchNorm3d(nn.BatchNorm3d):
    """Normalises by the mean and the variance over the clips of all ranks, the same number on each.

    On GPUs PyTorch's own ``SyncBatchNorm`` does that.
    """

    def forward(self, x_NCLHW: Tensor) -> Tensor:
        """Normalises (N, C, L, H, W); in evaluation and with one process as PyTorch does."""
        if not (self.training and torch.distributed.is_initialized() and torch.distributed.get_world_size() > 1):
            return super().forward(x_NCLHW)
        num_ranks = torch.distributed.get_world_size()
        x = x_NCLHW.float()
        mean_C = all_reduce(x.mean(dim=(0, 2, 3, 4))) / num_ranks
        centered = x - mean_C[:, None, None, None]
        variance_C = all_reduce(centered.square().mean(dim=(0, 2, 3, 4))) / num_ranks
        self._track(mean_C.detach(), variance_C.detach(), num_ranks * x.numel() // x.shape[1])
        scale_C = self.weight * torch.rsqrt(variance_C + self.eps)
        y = centered * scale_C[:, None, None, None] + self.bias[:, None, None, None]
        return y.to(x_NCLHW.dtype)

    def _track(self, mean_C: Tensor, variance_C: Tensor, count: int) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean_C, self.momentum)
        self.running_var.lerp_(variance_C * count / max(1, count - 1), self.momentum)


def normalize_over_ranks(network: nn.Module) -> None:
    """Turns every 3-D batch normalisation of a network into one over the global batch, with the same state."""
    for module in network.modules():
        if type(module) is nn.BatchNorm3d:
            module.__class__ = GlobalBatchNorm3d
