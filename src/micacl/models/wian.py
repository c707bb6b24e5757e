"""WIAN, the weighted instance aggregation network: equations (3) to (6).

Shapes: B clips in a batch, T instances in a clip, C features (and hidden width).
"""

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

WeightScale = Literal["printed", "unit_mean"]


class WIAN(nn.Module):
    """An LSTM over the instances whose candidate cell is scaled by a dynamic weight gate.

    Equation (4): w_t = softmax(H_t) over the features.
    Equation (3): d_t = sigmoid(Ws x_t + Us h_(t-1)) * w_t, with x_t = H_t.
    Equation (5): c_t = f_t c_(t-1) + i_t c~_t d_t.
    Equation (6): h_t = o_t tanh(c_t).

    The C entries of w_t sum to 1, so as printed the new content of a step is scaled by 1/C on average.
    ``weight_scale="unit_mean"`` multiplies w_t by C. Also as printed, every gradient reaches the backbone through three
    gates and a tanh; ``residual`` adds H_t to h_t, as the self-attention that follows does with its own input.
    See docs/fidelity.md for both.

    Args:
        feature_dim: C.
        weight_scale: "printed" or "unit_mean".
        residual: Whether the output is H_t + h_t; without it h_t alone, as printed.

    Raises:
        ValueError: If ``weight_scale`` is neither.
    """

    def __init__(self, feature_dim: int, weight_scale: WeightScale = "unit_mean", residual: bool = True) -> None:
        super().__init__()
        if weight_scale not in get_args(WeightScale):
            raise ValueError(f"weight_scale must be one of {list(get_args(WeightScale))}, got {weight_scale!r}")
        self.feature_dim = feature_dim
        self.residual = residual
        self.weight_factor = float(feature_dim) if weight_scale == "unit_mean" else 1.0
        # Both hold five blocks of C rows: input, forget, output and weight gate, and the candidate before the latter.
        self.input_projection = nn.Linear(feature_dim, 5 * feature_dim)
        self.hidden_projection = nn.Linear(feature_dim, 5 * feature_dim, bias=False)
        self._start_open()

    def _start_open(self) -> None:
        """Initialises the gates so that most of the content passes.

        With torch.nn.LSTM's initialisation three gates of one half each leave an eighth of a small candidate, too
        little for the backbone to learn from. As Jozefowicz et al. (ICML 2015) do for the forget gate, all gates
        start at a bias of 1, over weights that keep the variance (Glorot and Bengio, 2010) and a recurrence that
        keeps the norm.
        """
        for weight_CC in self.input_projection.weight.chunk(5):
            nn.init.xavier_uniform_(weight_CC)
        for weight_CC in self.hidden_projection.weight.chunk(5):
            nn.init.orthogonal_(weight_CC)
        with torch.no_grad():
            input_C, forget_C, output_C, candidate_C, importance_C = self.input_projection.bias.chunk(5)
            candidate_C.zero_()
            for gate_C in (input_C, forget_C, output_C, importance_C):
                gate_C.fill_(1.0)

    def forward(self, h_BTC: Tensor) -> Tensor:
        """Aggregates the instances in their order.

        Args:
            h_BTC: Features of the instances from GEIIM, shape (B, T, C).

        Returns:
            The hidden state after each instance, on top of the instance's features if ``residual``, shape (B, T, C).
        """
        hidden_BTC = torch.stack([step.hidden_BC for step in self._steps(h_BTC)], dim=1)
        return h_BTC + hidden_BTC if self.residual else hidden_BTC

    def instance_weights(self, h_BTC: Tensor) -> Tensor:
        """Computes how much each instance counts: its share of the content of the last cell state.

        Equation (5) unrolled is c_T = sum over t of m_t, with m_t = i_t c~_t d_t * prod over s > t of f_s: what
        instance t has written, as far as later instances have not forgotten it. The weight of instance t is
        sum over features of |m_t|, divided by the same sum over all instances. The paper defines no such figure.

        Args:
            h_BTC: Features of the instances from GEIIM, shape (B, T, C).

        Returns:
            Weights, shape (B, T), not negative; each row sums to 1 (all equal where nothing was written at all).
        """
        left_BC = torch.ones_like(h_BTC[:, 0])
        written = []
        for step in reversed(self._steps(h_BTC)):
            written.append((step.new_content_BC * left_BC).abs().sum(dim=-1))
            left_BC = left_BC * step.forget_BC
        written_BT = torch.stack(written[::-1], dim=1)
        total_B1 = written_BT.sum(dim=1, keepdim=True)
        return torch.where(total_B1 > 0, written_BT / total_B1, 1 / h_BTC.shape[1])

    def _steps(self, h_BTC: Tensor) -> list["_Step"]:
        """Runs the recurrence, instance by instance."""
        weight_BTC = torch.softmax(h_BTC, dim=-1) * self.weight_factor
        from_input_BTG = self.input_projection(h_BTC)  # all steps at once; G = 5 C
        hidden_BC = torch.zeros_like(h_BTC[:, 0])
        cell_BC = torch.zeros_like(hidden_BC)
        steps = []
        for from_input_BG, weight_BC in zip(from_input_BTG.unbind(1), weight_BTC.unbind(1), strict=True):
            gates = from_input_BG + self.hidden_projection(hidden_BC)
            input_BC, forget_BC, output_BC, candidate_BC, importance_BC = gates.chunk(5, dim=-1)
            dynamic_weight_BC = torch.sigmoid(importance_BC) * weight_BC
            new_content_BC = torch.sigmoid(input_BC) * torch.tanh(candidate_BC) * dynamic_weight_BC
            forget_BC = torch.sigmoid(forget_BC)
            cell_BC = forget_BC * cell_BC + new_content_BC
            hidden_BC = torch.sigmoid(output_BC) * torch.tanh(cell_BC)
            steps.append(_Step(new_content_BC, forget_BC, hidden_BC))
        return steps


class _Step(NamedTuple):
    """The state after one instance: i_t c~_t d_t, f_t and h_t, each of shape (B, C)."""

    new_content_BC: Tensor
    forget_BC: Tensor
    hidden_BC: Tensor
