"""MobileNet of the first version (Howard et al. 2017, arXiv 1704.04861), as it is published with weights for faces."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional

from fer_core.models.pooled import PooledClassifier
from fer_core.models.registry import register_model

_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))


class _Layer(nn.Module):
    """Convolution, normalisation, and an activation between 0 and 6; where it halves, it pads as TensorFlow does."""

    def __init__(self, in_channels: int, out_channels: int, side: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        padding = side // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(in_channels, out_channels, side, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out_channels, eps=1e-3)
        self.halves = stride == 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.halves:  # nothing at the left and above where the side is even
            height, width = (1 - side % 2 for side in x.shape[2:])
            x = functional.pad(x, (1 - width, 1, 1 - height, 1))
        return functional.relu6(self.norm(self.conv(x)))


class MobileNet(PooledClassifier):
    """A 3x3 convolution, then thirteen times one of each channel for itself and one of 1x1 across the channels.

    Args:
        num_classes: number of outputs.
        in_channels: channels of the input.
        dropout: on the pooled features.
    """

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict(conv=_Layer(in_channels, 32, 3, stride=2))
        channels = 32
        for number, (width, stride) in enumerate(_BLOCKS, 1):
            layers[f"depthwise{number}"] = _Layer(channels, channels, 3, stride, groups=channels)
            layers[f"pointwise{number}"] = _Layer(channels, width, 1)
            channels = width
        super().__init__(nn.Sequential(layers), channels, num_classes, dropout)


@register_model("mobilenet", input_px=160, in_channels=3)
def mobilenet(num_classes: int, in_channels: int, dropout: float = 0.0) -> nn.Module:
    """MobileNet of the first version, 3.2 million parameters; weights that tell people apart are fetched."""
    return MobileNet(num_classes, in_channels, dropout)
