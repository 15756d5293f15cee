"""The residual network by which dlib tells people apart (King 2017, `dlib_face_recognition_resnet_model_v1`)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional

from fer_core.models.pooled import PooledClassifier
from fer_core.models.registry import register_model

_STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))  # channels, blocks, halved


class _Block(nn.Module):
    """Two 3x3 convolutions beside the input; the first one may halve, where dlib pads nothing."""

    def __init__(self, in_channels: int, out_channels: int, halves: bool) -> None:
        super().__init__()
        stride, padding = (2, 0) if halves else (1, 1)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.halves = halves

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm2(self.conv2(functional.relu(self.norm1(self.conv1(x)))))
        if self.halves:
            x = functional.avg_pool2d(x, 2)
        return functional.relu(_add(y, x))


def _add(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The sum, where what is smaller (maps at the right and below, or channels) is filled up with zeros."""
    channels, height, width = (max(a, b) for a, b in zip(y.shape[1:], x.shape[1:], strict=True))

    def filled(t: torch.Tensor) -> torch.Tensor:
        missing = (0, width - t.shape[3], 0, height - t.shape[2], 0, channels - t.shape[1])
        return functional.pad(t, missing) if any(missing) else t

    return filled(y) + filled(x)


class DlibResNet(PooledClassifier):
    """29 layers: a 7x7 convolution, max-pooling, fourteen blocks in five stages, average pooling, one linear layer.

    Args:
        num_classes: number of outputs.
        in_channels: channels of the input, whose height and width are at least 103.
        dropout: on the pooled features.
    """

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["conv"] = nn.Conv2d(in_channels, 32, 7, 2, bias=False)
        layers["norm"] = nn.BatchNorm2d(32)
        layers["relu"] = nn.ReLU(inplace=True)
        layers["pool"] = nn.MaxPool2d(3, 2)
        channels = 32
        for number, (width, depth, halved) in enumerate(_STAGES, 1):
            blocks = [_Block(channels if i == 0 else width, width, halved and i == 0) for i in range(depth)]
            layers[f"stage{number}"] = nn.Sequential(*blocks)
            channels = width
        super().__init__(nn.Sequential(layers), channels, num_classes, dropout)


@register_model("dlib-resnet", input_px=150, in_channels=3)
def dlib_resnet(num_classes: int, in_channels: int, dropout: float = 0.0) -> nn.Module:
    """Dlib's network for face recognition, 5.6 million parameters; its weights come as a package."""
    return DlibResNet(num_classes, in_channels, dropout)
