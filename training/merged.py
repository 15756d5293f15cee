"""Normalisations whose statistics are merged into their weights, as networks are published that no one is to train."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn


def set_merged(norm: nn.BatchNorm2d, scale: torch.Tensor, offset: torch.Tensor) -> None:
    """Makes a normalisation `scale * x + offset` in evaluation: mean 0, variance 1 less its epsilon."""
    with torch.no_grad():
        norm.weight.copy_(scale)
        norm.bias.copy_(offset)
    nn.init.zeros_(norm.running_mean)  # type: ignore[arg-type]  # a tensor, where statistics are tracked
    nn.init.constant_(norm.running_var, 1 - norm.eps)  # type: ignore[arg-type]


def restore_statistics(model: nn.Module, x: torch.Tensor) -> None:
    """Gives each normalisation the mean and variance that an input has there, and changes none of its answers.

    What was merged into weight and bias is taken out of them again, so that training, which normalises by the
    statistics of a batch, begins where the published network stands.

    Args:
        model: statistics are mean 0 and variance 1, as `set_merged` leaves them.
        x: (N, C, H, W), hundreds of faces as they are trained on.
    """

    def restore(norm: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        eps = cast("nn.BatchNorm2d", norm).eps
        mean, variance = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3), unbiased=False)
        weight, bias = norm.get_parameter("weight"), norm.get_parameter("bias")
        bias.add_(weight * mean)
        weight.mul_((variance + eps).sqrt())
        norm.get_buffer("running_mean").copy_(mean)
        norm.get_buffer("running_var").copy_(variance)

    hooks = [m.register_forward_pre_hook(restore) for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    trained = model.training
    with torch.no_grad():
        model.eval()(x)
    model.train(trained)
    for hook in hooks:
        hook.remove()
