"""What our own networks end with: the mean of the last maps, dropout, one linear layer."""

from __future__ import annotations

import torch
from torch import nn


class PooledClassifier(nn.Module):
    """Layers that make maps, global average pooling, dropout, one linear layer.

    Args:
        features: maps (N, in_channels, H, W) to (N, channels, h, w).
        channels: of its last maps.
        num_classes: number of outputs.
        dropout: on the pooled features.
    """

    def __init__(self, features: nn.Module, channels: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.features = features
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, num_classes) of an input (N, in_channels, H, W)."""
        logits: torch.Tensor = self.head(self.dropout(self.features(x).mean((2, 3))))
        return logits
