"""GEIIM, the graph-enhanced instance interaction module: equations (1) and (2).

Shapes: B clips in a batch, T instances in a clip, C features, d size of a node embedding.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class GEIIM(nn.Module):
    """Lets the instances of a clip exchange information over a learned graph.

    Equation (1): A = softmax(relu(N1 N2)), one graph over the instances for all clips.
    Equation (2): H = alpha X + (1 - alpha) A X.
    The "multiscale convolutions" of the text are depthwise convolutions over the instances, summed onto H. They start
    at zero, so that the module starts as equation (2); ``kernels=()`` is equation (2) alone.

    Args:
        num_instances: T.
        feature_dim: C.
        embedding_dim: d, the size of each instance's node embedding (not stated in the paper).
        kernels: Odd kernel sizes of the depthwise convolutions (not stated in the paper).
        initial_alpha: The value of alpha at the start, between 0 and 1 (not stated in the paper). It moves slowly in
            training: from one half, a short training ends with instances that are still half their neighbours.

    Raises:
        ValueError: If a kernel size is even or not positive, or ``initial_alpha`` not between 0 and 1.
    """

    def __init__(
        self,
        num_instances: int,
        feature_dim: int,
        embedding_dim: int = 10,
        kernels: Sequence[int] = (1, 3, 5),
        initial_alpha: float = 0.9,
    ) -> None:
        super().__init__()
        if any(kernel < 1 or kernel % 2 == 0 for kernel in kernels):
            raise ValueError(f"GEIIM needs odd kernel sizes, so that an instance keeps its place; got {list(kernels)}")
        if not 0 < initial_alpha < 1:
            raise ValueError(f"initial_alpha must be between 0 and 1, got {initial_alpha}")
        self.num_instances = num_instances
        self.feature_dim = feature_dim
        # Products of two such embeddings have a standard deviation of 1: the graph starts neither flat nor one-hot.
        self.node_embedding_1 = nn.Parameter(torch.randn(num_instances, embedding_dim) * embedding_dim**-0.25)
        self.node_embedding_2 = nn.Parameter(torch.randn(embedding_dim, num_instances) * embedding_dim**-0.25)
        self.alpha_logit = nn.Parameter(torch.logit(torch.tensor(initial_alpha)))
        self.convolutions = nn.ModuleList(
            nn.Conv1d(feature_dim, feature_dim, kernel, padding=kernel // 2, groups=feature_dim) for kernel in kernels
        )
        for parameter in self.convolutions.parameters():
            nn.init.zeros_(parameter)

    @property
    def alpha(self) -> Tensor:
        """The share of an instance's own features in equation (2), between 0 and 1, 0-d."""
        return torch.sigmoid(self.alpha_logit)

    def adjacency(self) -> Tensor:
        """Computes the graph A of equation (1), shape (T, T); each row sums to 1."""
        return torch.softmax(torch.relu(self.node_embedding_1 @ self.node_embedding_2), dim=-1)

    def forward(self, x_BTC: Tensor) -> Tensor:
        """Mixes the instances' features.

        Args:
            x_BTC: Features of the instances, shape (B, T, C).

        Returns:
            H, shape (B, T, C).

        Raises:
            ValueError: If the shape of ``x_BTC`` is not (B, num_instances, feature_dim).
        """
        if x_BTC.shape[1:] != (self.num_instances, self.feature_dim):
            expected = f"(B, {self.num_instances}, {self.feature_dim})"
            raise ValueError(f"GEIIM expects features of shape {expected}, got {tuple(x_BTC.shape)}")
        h_BTC = self.alpha * x_BTC + (1 - self.alpha) * (self.adjacency() @ x_BTC)
        x_BCT = x_BTC.transpose(1, 2)
        for convolution in self.convolutions:
            h_BTC = h_BTC + convolution(x_BCT).transpose(1, 2)
        return h_BTC
