"""Our own small network for 48x48 grey faces."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from fer_core.errors import ModelError
from fer_core.models.pooled import PooledClassifier
from fer_core.models.registry import register_model


def conv_block(in_channels: int, out_channels: int) -> nn.Sequential:
    """3x3 convolution, batch normalisation, ReLU; keeps height and width."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            norm=nn.BatchNorm2d(out_channels),
            relu=nn.ReLU(inplace=True),
        )
    )


class Compact(PooledClassifier):
    """Plain stages of 3x3 convolutions with halving in between, global average pooling, one linear layer.

    Most of the time on a CPU goes into moving large maps, not into arithmetic: only one convolution runs at the full
    size, and depth is spent where maps are small.

    Args:
        num_classes: number of outputs.
        in_channels: channels of the input, whose height and width are at least 8.
        widths: channels of each stage; each stage but the first works at half the size of the one before.
        depths: convolutions of each stage.
        dropout: on the pooled features.
    """

    def __init__(
        self, num_classes: int, in_channels: int, widths: Sequence[int], depths: Sequence[int], dropout: float
    ) -> None:
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        channels = in_channels
        for number, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            if number:
                stages[f"pool{number}"] = nn.MaxPool2d(2)
            blocks = [conv_block(channels if i == 0 else width, width) for i in range(depth)]
            stages[f"stage{number + 1}"] = nn.Sequential(*blocks)
            channels = width
        super().__init__(nn.Sequential(stages), channels, num_classes, dropout)


@register_model("compact", input_px=48, in_channels=1)
def compact(
    num_classes: int,
    in_channels: int,
    widths: Sequence[int] = (32, 48, 112, 208),
    depths: Sequence[int] = (1, 2, 3, 2),
    dropout: float = 0.3,
) -> nn.Module:
    """Compact: nine layers for 48x48 grey faces, made for one CPU thread."""
    if len(widths) != len(depths) or not widths:
        raise ModelError(f"compact needs one depth per width, but got {len(widths)} widths and {len(depths)} depths.")
    return Compact(num_classes, in_channels, widths, depths, dropout)
