"""The small networks of the published sweep over "Facial Emotion Expressions"."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from fer_core.errors import ModelError
from fer_core.models.registry import register_model


@register_model("fec-cnn", input_px=48, in_channels=1)
def fec_cnn(  # noqa: PLR0913, PLR0917  (what the sweep varies)
    num_classes: int,
    in_channels: int,
    filters: Sequence[int] = (32, 64),
    hidden: Sequence[int] = (100, 200, 100),
    kernel: int = 5,
    dropout: float = 0.1,
    map_px: int = 12,
) -> nn.Module:
    """Pairs of convolution and 2x2 max-pooling, then dense layers with dropout; 48x48 grey faces.

    Args:
        num_classes: number of outputs.
        in_channels: channels of the input.
        filters: of the convolution of each pair.
        hidden: widths of the dense layers.
        kernel: side of the convolutions, odd.
        dropout: after each dense layer.
        map_px: side of the map that is flattened; other sizes of input are averaged down to it. Two pairs leave 12 of
            48 pixels.
    """
    if kernel % 2 == 0 or not filters:
        raise ModelError(f"fec-cnn needs a filter number per pair and an odd kernel, not {filters} and {kernel}.")
    layers: list[nn.Module] = []
    channels = in_channels
    for width in filters:
        layers += [nn.Conv2d(channels, width, kernel, padding=kernel // 2), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        channels = width
    layers += [nn.AdaptiveAvgPool2d(map_px), nn.Flatten()]
    features = channels * map_px**2
    for width in hidden:
        layers += [nn.Linear(features, width), nn.ReLU(inplace=True), nn.Dropout(dropout)]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, num_classes))
