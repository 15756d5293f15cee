"""Fitting a network to another number of inputs, classes or channels."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from fer_core.errors import ModelError


def _replace(model: nn.Module, path: str, new: nn.Module) -> None:
    parent_path, _, leaf = path.rpartition(".")
    setattr(model.get_submodule(parent_path), leaf, new)


def _last_layer(model: nn.Module) -> tuple[str, nn.Module | None]:
    """The last linear layer or convolution and where it is; None where there is neither."""
    layers = [(path, layer) for path, layer in model.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    return layers[-1] if layers else ("", None)


def set_input_channels(model: nn.Module, in_channels: int) -> nn.Module:
    """The model with its first convolution made for `in_channels`.

    Weights learnt on colour are summed over the input channels and shared out, so that a grey picture copied into every
    channel gives what it gave before.

    Raises:
        ModelError: the model has no convolution.
    """
    first = next(((path, layer) for path, layer in model.named_modules() if isinstance(layer, nn.Conv2d)), None)
    if first is None:
        raise ModelError(f"{type(model).__name__} has no convolution whose input could be changed.")
    path, layer = first
    if layer.in_channels == in_channels:
        return model
    new = nn.Conv2d(
        in_channels,
        layer.out_channels,
        layer.kernel_size,  # type: ignore[arg-type]
        layer.stride,  # type: ignore[arg-type]
        layer.padding,  # type: ignore[arg-type]
        layer.dilation,  # type: ignore[arg-type]
        bias=layer.bias is not None,
    )
    total = layer.weight.data.sum(1, keepdim=True)
    new.weight.data.copy_(total.expand_as(new.weight) / in_channels)
    if layer.bias is not None and new.bias is not None:
        new.bias.data.copy_(layer.bias.data)
    _replace(model, path, new)
    return model


def set_num_classes(model: nn.Module, num_classes: int) -> nn.Module:
    """The model with its last layer made for `num_classes`, freshly initialised.

    The last layer is the last linear one, or a 1x1 convolution where the model classifies with one (SqueezeNet).

    Raises:
        ModelError: the model has neither.
    """
    path, layer = _last_layer(model)
    if layer is None:
        raise ModelError(f"{type(model).__name__} has no layer that classifies.")
    if isinstance(layer, nn.Linear):
        _replace(model, path, nn.Linear(layer.in_features, num_classes, bias=layer.bias is not None))
    elif isinstance(layer, nn.Conv2d):
        _replace(model, path, nn.Conv2d(layer.in_channels, num_classes, layer.kernel_size))  # type: ignore[arg-type]
    return model


def shift_logits(model: nn.Module, by: torch.Tensor) -> nn.Module:
    """The model whose logits are higher by these numbers: they are added to the bias of its last linear layer.

    Args:
        model: changed in place.
        by: float (K,), in the order of its outputs.

    Raises:
        ModelError: the model does not end in a linear layer with a bias for each of K outputs.
    """
    _, last = _last_layer(model)
    if not isinstance(last, nn.Linear) or last.bias is None or last.bias.shape != by.shape:
        raise ModelError(f"{type(model).__name__} does not end in a linear layer with a bias for each of its outputs.")
    with torch.no_grad():
        last.bias.add_(by.to(last.bias))
    return model


def without_last_layer(model: nn.Module) -> tuple[nn.Module, int]:
    """The model without its last linear layer, so that it gives what went into it, and how many numbers that is.

    Raises:
        ModelError: the model does not end in a linear layer.
    """
    path, layer = _last_layer(model)
    if not isinstance(layer, nn.Linear):
        raise ModelError(f"{type(model).__name__} does not end in a linear layer whose input could serve as features.")
    _replace(model, path, nn.Identity())
    return model, layer.in_features


def without_second_heads(model: nn.Module) -> nn.Module:
    """GoogLeNet or Inception of torchvision with the last head alone, so that training too gets one answer."""
    model.aux_logits = False  # type: ignore[assignment]  # a plain attribute
    for name in ("AuxLogits", "aux1", "aux2"):
        if hasattr(model, name):
            setattr(model, name, None)
    return model


def grow_into(model: nn.Module, weights: Mapping[str, torch.Tensor]) -> nn.Module:
    """The model with the weights of a smaller or equal one of its kind, computing what that one computes.

    Channels that the smaller one lacks keep the model's own values, and what reads them begins at zero, so that they
    matter only as training makes them matter (growing a network without changing its answers: Chen et al. 2016, arXiv
    1511.05641, there by splitting channels). That holds for networks of one chain, where a channel is read at its own
    place; not where maps are concatenated.

    Args:
        model: changed in place.
        weights: by the names of the model's `state_dict`.

    Raises:
        ModelError: a tensor is lacking, or has more places than the model's.
    """
    own = model.state_dict()
    for name, mine in own.items():
        theirs = weights.get(name)
        if (
            theirs is None
            or theirs.ndim != mine.ndim
            or any(a > b for a, b in zip(theirs.shape, mine.shape, strict=True))
        ):
            has = "has none" if theirs is None else f"has {tuple(theirs.shape)}"
            raise ModelError(f"{name} has {tuple(mine.shape)} numbers here, and the checkpoint {has}.")
    if lacking := sorted(weights.keys() - own.keys()):
        raise ModelError(f"The checkpoint has {lacking[0]}, and the network has no such layer.")
    with torch.no_grad():
        for name, mine in own.items():
            theirs = weights[name]
            if theirs.ndim > 1:
                mine[: len(theirs), theirs.shape[1] :] = 0
            mine[tuple(slice(size) for size in theirs.shape)] = theirs.to(mine.dtype)
    return model
