"""A support-vector machine on the features of a network, as a network: one file of weights, no pickle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from fer_core.errors import ModelError
from fer_core.models.registry import create_model, register_model
from fer_core.models.surgery import without_last_layer


class LinearMachine(nn.Linear):
    """One against the rest: the signed distances w_c x + b_c times |w_c|, which rank the classes."""


class GaussianMachine(nn.Module):
    """One against one with the kernel exp(-gamma |x - s|^2), the decisions gathered into one value per class.

    A class's value is the number of its won pairs, and within less than a third of a win the sum of its decisions, as
    scikit-learn's `decision_function_shape="ovr"` has it.

    Args:
        features: D, numbers of a sample.
        classes: K.
        vectors: M, number of support vectors.
    """

    first: torch.Tensor  # classes of each pair
    second: torch.Tensor

    def __init__(self, features: int, classes: int, vectors: int) -> None:
        super().__init__()
        pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
        self.register_buffer("first", torch.tensor([i for i, _ in pairs]), persistent=False)
        self.register_buffer("second", torch.tensor([j for _, j in pairs]), persistent=False)
        self.vectors = nn.Parameter(torch.zeros(vectors, features))
        self.weight = nn.Parameter(torch.zeros(len(pairs), vectors))  # of each vector in the decision of each pair
        self.bias = nn.Parameter(torch.zeros(len(pairs)))
        self.gamma = nn.Parameter(torch.ones(()))
        self.classes = classes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Values (N, classes) of samples (N, features); a pair's decision from zero up is a win of its first class."""
        squares = (x * x).sum(1, keepdim=True) - 2 * x @ self.vectors.T + (self.vectors * self.vectors).sum(1)
        decisions = torch.exp(-self.gamma * squares.clamp(min=0)) @ self.weight.T + self.bias
        won = (decisions >= 0).to(x.dtype)
        none = x.new_zeros(x.shape[0], self.classes)
        votes = none.index_add(1, self.first, won).index_add(1, self.second, 1 - won)
        sums = none.index_add(1, self.first, decisions).index_add(1, self.second, -decisions)
        return votes + sums / (3 * (sums.abs() + 1))


class MachineOnFeatures(nn.Module):
    """A network without its last layer, standardised features, and a machine that classifies them.

    Args:
        network: maps (N, C, H, W) to features (N, D).
        features: D.
        machine: maps (N, D) to values (N, K).
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: nn.Module, features: int, machine: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))
        self.head = machine

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Values (N, K), larger for a likelier class; they are no log-probabilities until a temperature is fitted."""
        values: torch.Tensor = self.head((self.network(x) - self.mean) / self.std)
        return values


@register_model("svm-on-features", input_px=48, in_channels=1)
def svm_on_features(
    num_classes: int,
    in_channels: int,
    network: str = "compact",
    network_arguments: Mapping[str, Any] | None = None,
    network_classes: int = 7,
    vectors: int = 0,
) -> nn.Module:
    """Support-vector machine on the features of another network; 0 vectors is a linear one.

    Args:
        num_classes: number of outputs.
        in_channels: channels of the input.
        network: the architecture whose last layer is taken away.
        network_arguments: its arguments.
        network_classes: the number of outputs that it had.
        vectors: support vectors of a Gaussian machine.
    """
    if network == "svm-on-features":
        raise ModelError("svm-on-features needs features of a network, not of another support-vector machine.")
    base = create_model(network, num_classes=network_classes, in_channels=in_channels, **dict(network_arguments or {}))
    base, features = without_last_layer(base)
    if vectors:
        return MachineOnFeatures(base, features, GaussianMachine(features, num_classes, vectors))
    return MachineOnFeatures(base, features, LinearMachine(features, num_classes))
