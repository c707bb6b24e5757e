"""MICACL, the assembled network of the paper (Figure 2).

Shapes: B clips in a batch, F frames in a clip, T instances in a clip, L = F / T frames in an instance,
H by W pixels, C features (512 with R3D-18), K classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from micacl.models.attention import InstanceAggregation, InstanceAttention
from micacl.models.backbone import Backbone, R3DBackbone
from micacl.models.geiim import GEIIM
from micacl.models.network import NetworkOutput
from micacl.models.wian import WIAN, WeightScale


class MICACL(nn.Module):
    """Backbone -> GEIIM -> WIAN -> self-attention -> Conv1d -> head (Figure 2).

    Everything after the backbone is computed in float32, under autocast too: it is less than a thousandth of the
    arithmetic, and softmaxes and normalisations lose too much in bfloat16.

    Args:
        num_classes: K.
        num_frames: F, frames sampled from a clip.
        instance_length: L, successive frames in an instance (4 as in M3DFEL; not stated in the paper).
        geiim: Whether instances interact through GEIIM (Table III: off in a).
        wian: Whether WIAN aggregates (Table III: off in a and b).
        embedding_dim: D of GEIIM.
        initial_alpha: Alpha of GEIIM at the start.
        kernels: Kernel sizes of GEIIM's convolutions; ``()`` is equation (2) alone.
        weight_scale: Scale of WIAN's weights, "printed" or "unit_mean".
        residual: Whether WIAN adds to its input, or replaces it as printed.
        num_heads: Heads of the self-attention.
        backbone: The module that computes the features of each instance; None for a new :class:`R3DBackbone`.

    Attributes:
        feature_dim: C, as the backbone has it.

    Raises:
        ValueError: If ``num_frames`` is not divisible by ``instance_length``, or a part refuses its options.
    """

    def __init__(
        self,
        num_classes: int,
        num_frames: int = 16,
        instance_length: int = 4,
        geiim: bool = True,
        wian: bool = True,
        embedding_dim: int = 10,
        initial_alpha: float = 0.9,
        kernels: Sequence[int] = (1, 3, 5),
        weight_scale: WeightScale = "unit_mean",
        residual: bool = True,
        num_heads: int = 8,
        backbone: Backbone | None = None,
    ) -> None:
        super().__init__()
        if instance_length < 1 or num_frames < 1 or num_frames % instance_length:
            raise ValueError(f"num_frames={num_frames} is not divisible by instance_length={instance_length}")
        self.num_instances = num_frames // instance_length
        self.instance_length = instance_length
        # What every setting of Table III has is drawn first: with one seed, all settings start from the same weights.
        backbone = R3DBackbone() if backbone is None else backbone
        self.feature_dim = backbone.feature_dim
        assert isinstance(backbone, nn.Module)
        self.backbone: nn.Module = backbone
        attention = InstanceAttention(self.feature_dim, num_heads)
        aggregation = InstanceAggregation(self.num_instances)
        head = nn.Linear(self.feature_dim, num_classes)
        self.geiim = (
            GEIIM(self.num_instances, self.feature_dim, embedding_dim, kernels, initial_alpha)
            if geiim
            else nn.Identity()
        )
        self.wian = WIAN(self.feature_dim, weight_scale, residual) if wian else nn.Identity()
        self.attention = attention
        self.aggregation = aggregation
        self.head = head

    def forward(self, clip_BCFHW: Tensor) -> NetworkOutput:
        """Classifies clips.

        Args:
            clip_BCFHW: Normalised RGB frames, shape (B, 3, F, H, W).

        Returns:
            Logits and features, both float32 under autocast (else in the dtype of the input).

        Raises:
            ValueError: If the clips do not have ``num_frames`` RGB frames.
        """
        return self.classify(self.encode(clip_BCFHW))

    def encode(self, clip_BCFHW: Tensor) -> Tensor:
        """Computes the backbone's features of each instance.

        Args:
            clip_BCFHW: Normalised RGB frames, shape (B, 3, F, H, W).

        Returns:
            X, shape (B, T, C), float32 under autocast.

        Raises:
            ValueError: If the clips do not have ``num_frames`` RGB frames.
        """
        num_frames = self.num_instances * self.instance_length
        if clip_BCFHW.ndim != 5 or clip_BCFHW.shape[1:3] != (3, num_frames):
            raise ValueError(f"expected clips of shape (B, 3, {num_frames}, H, W), got {tuple(clip_BCFHW.shape)}")
        x_NC: Tensor = self.backbone(self._instances(clip_BCFHW))
        return x_NC.to(self.head.weight.dtype).unflatten(0, (-1, self.num_instances))

    def classify(self, x_BTC: Tensor) -> NetworkOutput:
        """Classifies clips by their instances' features: everything after the backbone.

        Args:
            x_BTC: Features of the instances, shape (B, T, C).

        Returns:
            Logits and features.
        """
        with torch.autocast(x_BTC.device.type, enabled=False):
            features_BC = self.aggregation(self.attention(self.wian(self.geiim(x_BTC))))
            return NetworkOutput(self.head(features_BC), features_BC)

    def instance_weights(self, clip_BCFHW: Tensor) -> Tensor | None:
        """Computes how much each instance of a clip counts in WIAN, for reports: see :meth:`WIAN.instance_weights`.

        Args:
            clip_BCFHW: Normalised RGB frames, shape (B, 3, F, H, W).

        Returns:
            Weights, shape (B, T), each row with the sum 1; None without WIAN.

        Raises:
            ValueError: If the clips do not have ``num_frames`` RGB frames.
        """
        if not isinstance(self.wian, WIAN):
            return None
        x_BTC = self.encode(clip_BCFHW)
        with torch.autocast(clip_BCFHW.device.type, enabled=False):
            return self.wian.instance_weights(self.geiim(x_BTC))

    def adjacency(self) -> Tensor | None:
        """Returns GEIIM's graph A of equation (1), shape (T, T), each row with the sum 1; None without GEIIM."""
        return self.geiim.adjacency() if isinstance(self.geiim, GEIIM) else None

    def figures(self) -> dict[str, Tensor]:
        """Returns what training should record of the network: GEIIM's alpha of equation (2), where there is one."""
        return {"geiim/alpha": self.geiim.alpha} if isinstance(self.geiim, GEIIM) else {}

    def _instances(self, clip_BCFHW: Tensor) -> Tensor:
        """Cuts clips into instances of successive frames: (B, 3, F, H, W) to (B T, 3, L, H, W)."""
        instances_BTCLHW = clip_BCFHW.unflatten(2, (self.num_instances, self.instance_length)).transpose(1, 2)
        # One copy at most: straight into the layout that 3-D convolutions are fastest in.
        return instances_BTCLHW.flatten(0, 1).contiguous(memory_format=torch.channels_last_3d)
