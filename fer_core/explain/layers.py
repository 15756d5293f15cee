"""Which layers of a network a map can be made at, and how fine it would be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from fer_core.errors import ModelError
from fer_core.explain.record import undisturbed
from fer_core.explain.tokens import grid_of, token_layers

# A face has forehead, eyes, nose and mouth above one another: with fewer rows than that no cell belongs to one of them.
COARSE_BELOW = 4

Kind = Literal["convolution", "activation", "block", "tokens"]
_ACTIVATIONS = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU),
    *(nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Softplus, nn.Tanh),
)


@dataclass(frozen=True)
class LayerInfo:
    """A layer that a map can be made at.

    Attributes:
        name: dotted path within the network, as `get_submodule` takes it.
        kind: `convolution`; `activation`, what comes after one; `block`, several of both with what joins them;
            `tokens`, those of a vision transformer's patches.
        channels: of its output.
        map_hw: rows and columns of its output, which is the map's own size.
    """

    name: str
    kind: Kind
    channels: int
    map_hw: tuple[int, int]

    @property
    def coarse(self) -> bool:
        """Whether the map has too few cells for a claim about a region of the face."""
        return min(self.map_hw) < COARSE_BELOW


def saliency_layers(model: nn.Module, in_channels: int, size: int) -> tuple[LayerInfo, ...]:
    """The layers that a map can be made at, from the input to the output.

    Every convolution, and the outputs of activations and of blocks that hold a convolution; of modules that hand on the
    same tensor (a stage and its last block) the innermost. Left out is what gives one cell only, what runs more than
    once in a pass, and what hands on a pooled or merely normalised map. Of a vision transformer also the tokens that go
    into each block.

    Args:
        model: the network; one empty picture goes through it, and it is handed back as it was.
        in_channels: channels of its input.
        size: side of its square input, pixels.

    Returns:
        Layers in the order in which they finish; empty where the network makes no maps.

    Raises:
        ModelError: the network does not take such an input.
    """
    tracer = _Tracer(model)
    handles = []
    with undisturbed(model), torch.no_grad():
        try:
            handles = [module.register_forward_hook(tracer.see) for module in model.modules()]
            like = next(model.parameters())
            model(torch.zeros((1, in_channels, size, size), dtype=like.dtype, device=like.device))
        except (RuntimeError, AssertionError) as error:  # the latter is timm's
            raise ModelError(
                f"{type(model).__name__} does not take a picture of {size} x {size} pixels and {in_channels} "
                f"channel(s): {error}. Give the size and channels that it was made for."
            ) from error
        finally:
            for handle in handles:
                handle.remove()
    return (*tracer.offered(), *_token_layers(model))


def _token_layers(model: nn.Module) -> list[LayerInfo]:
    grid = grid_of(model)
    if grid is None or grid.height * grid.width < 2:
        return []
    return [LayerInfo(name, "tokens", grid.channels, (grid.height, grid.width)) for name in token_layers(model)]


def default_layer(layers: Sequence[LayerInfo]) -> LayerInfo:
    """The last one: the deepest features that still have a place.

    Raises:
        ModelError: there are none.
    """
    if not layers:
        raise ModelError("This network has no layer with a map, so that no saliency map can be made of it.")
    return layers[-1]


def finer_than(layers: Sequence[LayerInfo], name: str) -> LayerInfo | None:
    """The deepest layer before `name` whose map is larger and not coarse; None where there is none.

    Outputs of blocks and activations are preferred: a convolution alone may be half of a branch.

    Raises:
        ModelError: `name` is not among the layers.
    """
    layer = _named(layers, name)
    cells = layer.map_hw[0] * layer.map_hw[1]
    before = layers[: layers.index(layer)]
    finer = [one for one in before if not one.coarse and one.map_hw[0] * one.map_hw[1] > cells]
    whole = [one for one in finer if one.kind != "convolution"] or finer
    return whole[-1] if whole else None


def coarse_note(layers: Sequence[LayerInfo], name: str) -> str:
    """What to tell a reader of a coarse map, with the finer layer to look at instead; empty where it is not coarse.

    Raises:
        ModelError: `name` is not among the layers.
    """
    layer = _named(layers, name)
    if not layer.coarse:
        return ""
    finer = finer_than(layers, name)
    rows, columns = layer.map_hw
    instead = f"; {finer.name} has {finer.map_hw[0]} x {finer.map_hw[1]}." if finer else "; no earlier layer is finer."
    return f"{name} divides the face into {rows} x {columns} cells, too few to tell its parts apart{instead}"


def _named(layers: Sequence[LayerInfo], name: str) -> LayerInfo:
    for layer in layers:
        if layer.name == name:
            return layer
    raise ModelError(f"{name!r} is not among the layers with a map: {', '.join(one.name for one in layers) or 'none'}.")


@dataclass(frozen=True)
class _Event:
    """A module has finished. Modules that hand on one tensor share a group."""

    name: str
    kind: Kind | None
    output: tuple[int, ...]
    group: int


class _Tracer:
    """Sees modules finish in one pass."""

    def __init__(self, model: nn.Module) -> None:
        self.names = {module: name for name, module in model.named_modules()}
        self.events: list[_Event] = []
        self.last: Any = None
        self.last_module: nn.Module | None = None
        self.group = 0

    def see(self, module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
        """A forward hook."""
        kind = _kind(module)
        # Dropout, stochastic depth and the like, which do nothing here.
        if kind is None and output is not self.last and any(output is one for one in arguments):
            return
        # After a linear layer or its normalisation channels come last: not a map, though it has four dimensions.
        fed_by_linear = isinstance(self.last_module, nn.Linear | nn.LayerNorm)
        if kind == "activation" and fed_by_linear and arguments and arguments[0] is self.last:
            kind = None
        # An activation that works in place hands on its input's tensor, but with other values.
        if output is not self.last or kind == "activation":
            self.group += 1
        shape = tuple(output.shape) if isinstance(output, torch.Tensor) else ()
        self.events.append(_Event(self.names[module], kind, shape, self.group))
        self.last, self.last_module = output, module

    def offered(self) -> tuple[LayerInfo, ...]:
        """See `saliency_layers`."""
        runs = Counter(event.name for event in self.events)
        starters: dict[int, Kind | None] = {}
        taken: set[int] = set()
        found = []
        for event in self.events:
            starters.setdefault(event.group, event.kind)
            is_map = len(event.output) == 4 and event.output[2] * event.output[3] > 1
            new = event.group not in taken and starters[event.group] is not None
            if event.kind and event.name and is_map and new and runs[event.name] == 1:
                taken.add(event.group)
                found.append(LayerInfo(event.name, event.kind, event.output[1], (event.output[2], event.output[3])))
        return tuple(found)


def is_activation(module: nn.Module) -> bool:
    """Whether a module applies one function to every value."""
    return isinstance(module, _ACTIVATIONS)


def _kind(module: nn.Module) -> Kind | None:
    if isinstance(module, nn.Conv2d):
        return "convolution"
    if is_activation(module):
        return "activation"
    if any(isinstance(inner, nn.Conv2d) for inner in module.modules()):
        return "block"
    return None
