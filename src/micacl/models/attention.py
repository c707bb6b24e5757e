"""Relates the instances of a clip by self-attention, and aggregates them into one vector per clip.

Shapes: B clips in a batch, T instances in a clip, C features.
"""

from torch import Tensor, nn


class InstanceAttention(nn.Module):
    """Multi-head self-attention over the instances, pre-norm and residual (Section III-B).

    Args:
        feature_dim: C, a multiple of ``num_heads``.
        num_heads: Attention heads (not stated in the paper).

    Raises:
        ValueError: If ``feature_dim`` is not divisible by ``num_heads``.
    """

    def __init__(self, feature_dim: int, num_heads: int = 8) -> None:
        super().__init__()
        if feature_dim % num_heads:
            raise ValueError(f"feature_dim={feature_dim} is not divisible by num_heads={num_heads}")
        self.norm = nn.LayerNorm(feature_dim)
        self.attention = nn.MultiheadAttention(feature_dim, num_heads, batch_first=True)

    def forward(self, h_BTC: Tensor) -> Tensor:
        """Relates every instance to all others; (B, T, C) to (B, T, C)."""
        normed_BTC = self.norm(h_BTC)
        attended_BTC: Tensor
        attended_BTC, _ = self.attention(normed_BTC, normed_BTC, normed_BTC, need_weights=False)
        return h_BTC + attended_BTC


class InstanceAggregation(nn.Module):
    """Conv1d over the instance axis, T to 1: the "Conv1D" of the paper's baseline (Section IV-C).

    The instances are the channels and the kernel slides over the features, as in M3DFEL, whose line the paper
    continues (Wang et al., CVPR 2023).

    Args:
        num_instances: T.
        kernel_size: Odd width over the features.
    """

    def __init__(self, num_instances: int, kernel_size: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv1d(num_instances, 1, kernel_size, padding=kernel_size // 2)

    def forward(self, h_BTC: Tensor) -> Tensor:
        """Aggregates the instances into X'; (B, T, C) to (B, C)."""
        aggregated_B1C: Tensor = self.conv(h_BTC)
        return aggregated_B1C.squeeze(1)
