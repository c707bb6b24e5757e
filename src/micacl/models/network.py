"""The call that every network has, so that the same code trains, tests, evaluates and reports all of them.

Shapes: B clips in a batch, F frames in a clip, T instances in a clip, H by W pixels, C features, K classes.
"""

from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor, nn


class NetworkOutput(NamedTuple):
    """A network's answer for a batch of clips.

    Attributes:
        logits_BK: Scores of the classes, shape (B, K).
        features_BC: The clips' features that the head and the losses see (X' of MICACL), shape (B, C).
    """

    logits_BK: Tensor
    features_BC: Tensor


class Network(Protocol):
    """A network that classifies clips: a ``torch.nn.Module`` with this call and these attributes.

    What only some networks can tell is asked for at run time: see :class:`HasInstanceWeights` and
    :class:`HasAdjacency`.
    """

    @property
    def feature_dim(self) -> int:
        """C, the width of the features that it returns."""

    @property
    def head(self) -> nn.Module:
        """The last layer, which maps features (B, C) to logits (B, K); losses call it with perturbed features."""

    def __call__(self, clip_BCFHW: Tensor, /) -> NetworkOutput:
        """Classifies normalised RGB clips of shape (B, 3, F, H, W)."""


@runtime_checkable
class HasInstanceWeights(Protocol):
    """A network that can tell how much each instance of a clip counts."""

    def instance_weights(self, clip_BCFHW: Tensor) -> Tensor | None:
        """Returns weights of shape (B, T), each row with the sum 1; None if these options leave them out."""


@runtime_checkable
class HasAdjacency(Protocol):
    """A network whose instances exchange information over one graph."""

    def adjacency(self) -> Tensor | None:
        """Returns the graph, shape (T, T), each row with the sum 1; None if these options leave it out."""
