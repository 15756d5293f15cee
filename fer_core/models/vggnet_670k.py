"""The VGG-like network of 670,183 parameters that was published for FER+ and RAF-DB."""

from __future__ import annotations

from torch import nn

from fer_core.models.registry import register_model

_BLOCKS = ((64, 2), (96, 3), (128, 3))


@register_model("vggnet-670k", input_px=100, in_channels=3)
def vggnet_670k(num_classes: int, in_channels: int) -> nn.Module:
    """VGG-like network of 670,183 parameters for 100x100 colour faces.

    Blocks of two, three and three 3x3 convolutions with bias and batch normalisation before ReLU; 3x3 max-pooling of
    stride 3 between blocks; global average pooling; one linear layer. With seven classes and colour input it has
    668,583 trainable parameters; Keras, where it was published, also counts the 1,600 running statistics.
    """
    layers: list[nn.Module] = []
    channels = in_channels
    for number, (width, depth) in enumerate(_BLOCKS):
        if number:
            layers.append(nn.MaxPool2d(3, stride=3))
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))
