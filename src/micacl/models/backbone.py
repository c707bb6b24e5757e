"""R3D-18, which computes the features of each instance.

Shapes: N instances, L frames in an instance, H by W pixels, C features (512 for R3D-18); in a convolution
O and I channels out and in.
"""

from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.video.resnet import BasicBlock, Conv3DSimple, VideoResNet


class Backbone(Protocol):
    """A ``torch.nn.Module`` that computes the features of each instance."""

    @property
    def feature_dim(self) -> int:
        """C, the width of the features."""

    def __call__(self, instances_NCLHW: Tensor, /) -> Tensor:
        """Maps instances of normalised RGB frames, shape (N, 3, L, H, W), to features of shape (N, C)."""


@runtime_checkable
class StartsWithMotion(Protocol):
    """A backbone that can prepare itself for training without pre-trained weights."""

    def start_with_motion(self) -> None:
        """Changes fresh filters so that they answer to motion more than to what a face looks like."""


class _PlanarWeight(torch.autograd.Function):
    """Rearranges the filters of a convolution three taps deep into those of its 2-D equivalent on one or two frames.

    Indexing and concatenation would do, but autograd then fills their gradient with zeros tap by tap, in a memory
    layout that is not the weight's, and copies it: a fifth of a training step. This writes the gradient once.
    """

    @staticmethod
    def forward(ctx: Any, weight_OILHW: Tensor, depth: int, stride: int) -> Tensor:
        """Returns filters of shape (O x output frames, I x depth, H, W)."""
        ctx.save_for_backward(weight_OILHW)
        ctx.blocks = [(t, d) for t in range(0, depth, stride) for d in range(depth)]
        ctx.num_inputs = depth
        rows = [
            # Output frame t sees input frame d through tap d - t + 1.
            torch.cat([weight_OILHW[:, :, d - t + 1] for d in range(depth)], dim=1)
            for t in range(0, depth, stride)
        ]
        return torch.cat(rows) if len(rows) > 1 else rows[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Sums each tap's gradient over the pairs of frames that it connects."""
        (weight_OILHW,) = ctx.saved_tensors
        (gradient,) = gradients
        out_channels, in_channels = weight_OILHW.shape[:2]
        weight_gradient = torch.zeros_like(weight_OILHW)
        for block, (t, d) in enumerate(ctx.blocks):
            row, column = divmod(block, ctx.num_inputs)
            rows = slice(row * out_channels, (row + 1) * out_channels)
            columns = slice(column * in_channels, (column + 1) * in_channels)
            weight_gradient[:, :, d - t + 1].add_(gradient[rows, columns])
        return weight_gradient, None, None


class ShallowConv3d(nn.Conv3d):
    """A convolution three taps deep that computes one or two frames as a 2-D convolution, with the same result.

    After two halvings an instance of four frames is one frame deep. Of the three temporal taps only the middle one
    then meets data, so the layer is the 2-D convolution with that tap, at a third of the arithmetic. At two frames
    every frame meets two taps, and the layer is a 2-D convolution over the channels of both.

    The second case is no optimisation: oneDNN's bfloat16 weight gradient of a 3-D convolution of depth 2 reads memory
    that it never wrote (torch 2.14.1, AVX512-BF16), which sooner or later makes a training NaN. See docs/fidelity.md.
    """

    def forward(self, x_NCLHW: Tensor) -> Tensor:
        """Convolves (N, I, L, H, W) to (N, O, L', H', W')."""
        depth = x_NCLHW.shape[2]
        if depth > 2:
            return super().forward(x_NCLHW)
        weight_OIHW = _PlanarWeight.apply(self.weight, depth, self.stride[0])
        x_NIHW = x_NCLHW.transpose(1, 2).flatten(1, 2).contiguous(memory_format=torch.channels_last)
        y_NOHW = F.conv2d(x_NIHW, weight_OIHW, stride=self.stride[1:], padding=self.padding[1:])
        y_NCLHW = y_NOHW.unflatten(1, (-1, self.out_channels)).transpose(1, 2)
        return y_NCLHW.contiguous(memory_format=torch.channels_last_3d)


class DepthAwareConv3d(ShallowConv3d, Conv3DSimple):
    """The 3x3x3 convolution of torchvision's blocks."""


class DepthAwareStem(nn.Sequential):
    """torchvision's ``BasicStem``, whose convolution meets oneDNN's fault too on instances of two frames."""

    def __init__(self) -> None:
        super().__init__(
            ShallowConv3d(3, 64, kernel_size=(3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False),
            nn.BatchNorm3d(64),
            nn.ReLU(inplace=True),
        )


class R3DBackbone(VideoResNet):
    """torchvision's ``r3d_18`` up to the pooled features, with the same parameter names.

    A state dict of ``torchvision.models.video.r3d_18`` loads once its ``fc.*`` entries are taken out.
    Source: Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR 2018;
    the paper's "standard R3D" (Section IV-A).

    Attributes:
        feature_dim: C = 512.
    """

    feature_dim = 512

    def __init__(self) -> None:
        super().__init__(BasicBlock, [DepthAwareConv3d] * 4, [2, 2, 2, 2], DepthAwareStem)
        self.fc = nn.Identity()

    def start_with_motion(self) -> None:
        """Subtracts the temporal mean from the stem's filters, for training without pre-trained weights.

        A random filter answers to what a face looks like, which differs far more between people than between
        expressions; a filter whose taps sum to zero answers to what moves. Training is free to change that.
        """
        stem: nn.Conv3d = self.stem[0]
        with torch.no_grad():
            stem.weight -= stem.weight.mean(dim=2, keepdim=True)

    def forward(self, instances_NCLHW: Tensor) -> Tensor:
        """Computes the features of each instance.

        Args:
            instances_NCLHW: RGB frames, normalised, shape (N, 3, L, H, W).

        Returns:
            Features of shape (N, 512).
        """
        features_NC: Tensor = super().forward(instances_NCLHW)
        return features_NC
