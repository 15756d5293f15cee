"""Layers by name: which stand still in a phase, and which learn at what rate."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import torch
from torch import nn

from fer_core.errors import RecipeError
from training.recipe import GroupSpec, OptimiserSpec, PhaseSpec, Recipe

REST = "rest"  # layers of no group


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a layer or parameter is meant by patterns; of those that fit it the last one decides.

    A pattern names a layer and all that is in it: `layer4`, `layer4.1`, `features.*.norm`; `*` stands for any letters.
    With `!` in front it takes out again: `*, !fc` is everything but `fc`.

    >>> matches("layer4.1.conv1.weight", ["layer4"]), matches("layer4.1.conv1.weight", ["*", "!layer4.1"])
    (True, False)
    """
    parts = name.split(".")
    prefixes = [".".join(parts[:i]) for i in range(1, len(parts) + 1)]
    meant = False
    for pattern in patterns:
        if any(fnmatchcase(prefix, pattern.removeprefix("!")) for prefix in prefixes):
            meant = not pattern.startswith("!")
    return meant


def indexed_layers(model: nn.Module) -> list[str]:
    """Names of the layers that hold parameters themselves, in the order in which the network names them; from 0.

    A convolution, a normalisation and a linear layer count one each; activations, pooling, additions and containers do
    not. Keras counts every step of its graph, input, padding and additions included. Its index 155 in ResNet-50 is the
    first convolution of the last stage's second block, `layer4.1.conv1`, which is number 94 here.
    """
    return [name for name, layer in model.named_modules() if next(layer.parameters(recurse=False), None) is not None]


def check_patterns(model: nn.Module, recipe: Recipe) -> None:
    """Refuses patterns that mean no layer, and phases that train nothing.

    Raises:
        RecipeError: the message names the pattern and some layers that there are.
    """
    names = [name for name, _ in model.named_parameters()]
    given = {f"groups: {g.name}": g.layers for g in recipe.groups} | {
        f"phases: {p.name}": p.freeze for p in recipe.phases
    }
    for where, patterns in given.items():
        for pattern in patterns:
            if not any(matches(name, [pattern.removeprefix("!")]) for name in names):
                top = ", ".join(dict.fromkeys(name.partition(".")[0] for name in names))
                raise RecipeError(
                    f"{where}: no layer of {recipe.model.architecture} is called {pattern!r}; at the top it has {top}."
                )
    for phase in recipe.phases:
        if len(frozen(model, phase)) == len(names):
            raise RecipeError(
                f"phases: {phase.name} trains nothing, because it freezes all {len(indexed_layers(model))} layers; "
                "lower freeze_before, or take layers out with a pattern that begins with '!'."
            )


def frozen(model: nn.Module, phase: PhaseSpec) -> set[str]:
    """Names of the parameters that stand still in a phase."""
    early = set(indexed_layers(model)[: phase.freeze_before])
    return {
        name for name, _ in model.named_parameters() if name.rpartition(".")[0] in early or matches(name, phase.freeze)
    }


def set_phase(model: nn.Module, phase: PhaseSpec) -> list[nn.Module]:
    """Freezes what stands still in a phase and lets everything else learn.

    Returns:
        Normalisation layers that stand still and are to work as in evaluation: their running statistics would follow
        the new data although their weights do not.
    """
    still = frozen(model, phase)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in still)
        if name in still:
            parameter.grad = None
    norms = nn.modules.batchnorm._NormBase  # noqa: SLF001  (what all with running statistics have in common)
    return [
        layer
        for layer in model.modules()
        if isinstance(layer, norms) and layer.affine and not any(p.requires_grad for p in layer.parameters())
    ]


def make_optimiser(model: nn.Module, spec: OptimiserSpec, groups: Sequence[GroupSpec] = ()) -> torch.optim.Optimizer:
    """SGD, Adam or AdamW; biases and normalisation are not decayed.

    Adam goes over each tensor once (`fused`); SGD as well would fail in PyTorch 2.15 where layers begin to learn later
    than others.

    Args:
        model: all its parameters are given, those that are frozen now included.
        spec: the optimiser.
        groups: of layers with rates of their own.

    Returns:
        For each group, and for the layers of none (`rest`, the last), two parameter groups: what is decayed and what is
        not. Each has its group's name as `name`. A part without parameters is left out.
    """
    by_group: dict[str, list[nn.Parameter]] = {name: [] for name in (*(g.name for g in groups), REST)}
    for name, parameter in model.named_parameters():
        group = next((g.name for g in groups if matches(name, g.layers)), REST)
        by_group[group].append(parameter)
    parts = []
    for group, members in by_group.items():
        decayed = [p for p in members if p.ndim > 1]
        plain = [p for p in members if p.ndim <= 1]
        for parameters, decay in ((decayed, spec.weight_decay), (plain, 0.0)):
            if parameters:
                parts.append({"params": parameters, "weight_decay": decay, "name": group})
    if spec.name == "adamw":
        return torch.optim.AdamW(parts, lr=spec.learning_rate, fused=True)
    if spec.name == "adam":
        return torch.optim.Adam(parts, lr=spec.learning_rate, fused=True)
    nesterov = spec.nesterov and spec.momentum > 0
    return torch.optim.SGD(parts, lr=spec.learning_rate, momentum=spec.momentum, nesterov=nesterov)
