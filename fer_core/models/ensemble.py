"""Several networks as one: the weighted mean of what they say of the same face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from fer_core.models.registry import create_model, register_model
from fer_core.preprocess import Preprocess


class Member(BaseModel):
    """One of the networks.

    Attributes:
        architecture: name for `create_model`, with `arguments`.
        arguments: the architecture's own.
        preprocess: of its own card; the ensemble's input is resized to its size, repeated or turned into grey for its
            channels, and normalised.
        temperature: what its logits are divided by.
        weight: its share of the mean, over the sum of all weights.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    architecture: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    preprocess: Preprocess = Preprocess()
    temperature: float = Field(1.0, gt=0)
    weight: float = Field(1.0, gt=0)


class Seen(nn.Module):
    """What a member makes of the ensemble's input, its network included."""

    mean: torch.Tensor
    std: torch.Tensor
    grey: torch.Tensor

    def __init__(self, member: Member, network: nn.Module, in_channels: int) -> None:
        super().__init__()
        how = member.preprocess
        self.network = network
        self.size_px, self.temperature = how.size_px, member.temperature
        self.to_grey, self.to_colour = in_channels > how.channels, in_channels < how.channels
        for name, values in (("mean", how.mean), ("std", how.std), ("grey", (0.299, 0.587, 0.114))):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities (N, K) of pixels (N, C, H, W) in 0..1."""
        if self.to_grey:
            x = (x * self.grey).sum(1, keepdim=True)
        elif self.to_colour:
            x = x.repeat(1, 3, 1, 1)
        side = [self.size_px, self.size_px]
        x = nn.functional.interpolate(x, side, mode="bilinear", align_corners=False, antialias=False)
        logits: torch.Tensor = self.network((x - self.mean) / self.std)
        return (logits / self.temperature).softmax(1)


class Ensemble(nn.Module):
    """The logarithm of the weighted mean of the members' probabilities, so that a softmax gives the mean itself.

    Args:
        members: what each is.
        num_classes: number of outputs, the same for all.
        in_channels: channels of the input, 1 or 3.
    """

    def __init__(self, members: Sequence[Member], num_classes: int, in_channels: int) -> None:
        super().__init__()
        total = sum(member.weight for member in members)
        self.weights = [member.weight / total for member in members]
        self.members = nn.ModuleList()
        for member in members:
            network = create_model(
                member.architecture, num_classes=num_classes, in_channels=member.preprocess.channels, **member.arguments
            )
            self.members.append(Seen(member, network, in_channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, num_classes) of pixels (N, in_channels, H, W) in 0..1."""
        mean: torch.Tensor = sum(  # of at least one tensor
            weight * member(x) for weight, member in zip(self.weights, self.members, strict=True)
        )
        return mean.clamp_min(1e-12).log()


@register_model("ensemble", input_px=48, in_channels=1)
def ensemble(
    num_classes: int,
    in_channels: int,
    members: Sequence[dict[str, Any]] = ({"architecture": "compact"}, {"architecture": "compact"}),
) -> nn.Module:
    """Ensemble: the mean of what several networks say of a face.

    Its input are pixels in 0..1 (mean 0, deviation 1 in the card); each member resizes and normalises them as it was
    trained. `members` are the fields of `Member`, at least one.
    """
    if not members:
        raise ValueError("an ensemble needs at least one member")
    return Ensemble([Member.model_validate(member) for member in members], num_classes, in_channels)
