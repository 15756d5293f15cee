"""The published ResNet-50 and VGG systems: a torchvision backbone under the head that its author described."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from fer_core.models.registry import create_model, register_model


def dense_head(features: int, hidden: Sequence[int], num_classes: int, dropout: float) -> nn.Sequential:
    """Dropout and a ReLU layer per entry of `hidden`, then dropout and the linear layer that gives logits."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Dropout(dropout), nn.Linear(features, width), nn.ReLU(inplace=True)]
        features = width
    return nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(features, num_classes))


def _backbone(name: str, in_channels: int, pretrained: bool) -> Any:
    return create_model(f"torchvision/{name}", num_classes=2, in_channels=in_channels, pretrained=pretrained)


@register_model("resnet50-fc", input_px=48, in_channels=3, weights_of="torchvision/resnet50")
def resnet50_fc(
    num_classes: int,
    in_channels: int,
    hidden: Sequence[int] = (1024, 4096),
    dropout: float = 0.5,
    pretrained: bool = False,
) -> nn.Module:
    """ResNet-50 with added fully connected layers of 1024 and 4096; `hidden: []` is its linear baseline."""
    model = _backbone("resnet50", in_channels, pretrained)
    model.fc = dense_head(2048, hidden, num_classes, dropout if hidden else 0.0)
    return model  # type: ignore[no-any-return]


@register_model("resnet50-partial", input_px=48, in_channels=3, weights_of="torchvision/resnet50")
def resnet50_partial(num_classes: int, in_channels: int, dropout: float = 0.2, pretrained: bool = False) -> nn.Module:
    """ResNet-50, global average pooling, dropout 0.2 and one linear layer."""
    model = _backbone("resnet50", in_channels, pretrained)
    model.fc = dense_head(2048, (), num_classes, dropout)
    return model  # type: ignore[no-any-return]


def _vgg(name: str, in_channels: int, pretrained: bool, pool_px: int, head: nn.Module) -> nn.Module:
    model = _backbone(name, in_channels, pretrained)
    model.avgpool = nn.AdaptiveAvgPool2d(pool_px)
    model.classifier = head
    return model  # type: ignore[no-any-return]


@register_model("vgg19-fc", input_px=48, in_channels=3, weights_of="torchvision/vgg19")
def vgg19_fc(
    num_classes: int,
    in_channels: int,
    hidden: Sequence[int] = (1024, 4096),
    dropout: float = 0.5,
    pretrained: bool = False,
) -> nn.Module:
    """VGG-19 with dropout and fully connected layers."""
    return _vgg("vgg19", in_channels, pretrained, 1, dense_head(512, hidden, num_classes, dropout))


@register_model("kdef-vgg16", input_px=350, in_channels=1, weights_of="torchvision/vgg16")
def kdef_vgg16(
    num_classes: int,
    in_channels: int,
    hidden: Sequence[int] = (512, 128),
    dropout: float = 0.3,
    pretrained: bool = False,
) -> nn.Module:
    """VGG-16 as feature extractor with a few fully connected layers, for 350x350 grey faces."""
    return _vgg("vgg16", in_channels, pretrained, 7, dense_head(512 * 49, hidden, num_classes, dropout))
