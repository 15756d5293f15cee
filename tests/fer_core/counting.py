"""Numbers of parameters by arithmetic."""

from typing import Any

import torch
from torch import nn

from fer_core.models import create_model


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def conv(a: int, b: int, side: int = 3, bias: bool = True) -> int:
    return a * b * side * side + (b if bias else 0)


def linear(a: int, b: int) -> int:
    return a * b + b


def on_meta(name: str, **arguments: Any) -> nn.Module:
    """The network without memory for its weights; 140 million of them are too many for a test."""
    with torch.device("meta"):
        return create_model(name, **arguments)
