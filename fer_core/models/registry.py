"""Architectures by name: our own by decorator, torchvision's and timm's by prefix.

`create_model("compact", num_classes=7, in_channels=1)`, `create_model("torchvision/resnet18", ...)`,
`create_model("timm/convnext_tiny", ...)`. A new architecture is one new file in this folder and one decorator.
"""

from __future__ import annotations

import contextlib
import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from fer_core.errors import ModelError, UnavailableError
from fer_core.models.weights import hub_at_once, no_weights

Builder = Callable[..., nn.Module]


@dataclass(frozen=True)
class Architecture:
    """A registered architecture.

    Attributes:
        name: as given to `create_model`.
        build: called with `num_classes`, `in_channels` and the architecture's own arguments.
        summary: one line for lists.
        input_px: the side it is meant for, pixels.
        in_channels: the channels it is meant for.
        weights_of: the torchvision or timm network whose published weights it takes with `pretrained`; empty: none.
    """

    name: str
    build: Builder
    summary: str
    input_px: int
    in_channels: int
    weights_of: str = ""


_REGISTRY: dict[str, Architecture] = {}


def register_model(name: str, *, input_px: int, in_channels: int, weights_of: str = "") -> Callable[[Builder], Builder]:
    """Decorator: makes a builder `f(num_classes, in_channels, **arguments) -> nn.Module` known by name."""

    def add(build: Builder) -> Builder:
        if name in _REGISTRY:
            raise ValueError(f"the architecture {name!r} is registered twice")
        summary = (inspect.getdoc(build) or name).splitlines()[0].rstrip(".")
        _REGISTRY[name] = Architecture(name, build, summary, input_px, in_channels, weights_of)
        return build

    return add


def architectures() -> tuple[Architecture, ...]:
    """All registered architectures, sorted by name."""
    return tuple(_REGISTRY[name] for name in sorted(_REGISTRY))


def create_model(name: str, /, *, num_classes: int, in_channels: int = 3, **arguments: Any) -> nn.Module:
    """A freshly initialised network that maps (N, in_channels, H, W) to logits (N, num_classes).

    Args:
        name: a registered name, `torchvision/NAME` or `timm/NAME`.
        num_classes: number of outputs.
        in_channels: channels of the input.
        arguments: what the architecture itself takes, e.g. `dropout=0.5` or `pretrained=True`.

    Raises:
        ModelError: the name is unknown (the nearest ones are named) or an argument does not fit.
        UnavailableError: pretrained weights were asked for and cannot be had on this machine.
    """
    family, _, rest = name.partition("/")
    try:
        if name in _REGISTRY:
            _check_arguments(name, arguments)
            return _REGISTRY[name].build(num_classes=num_classes, in_channels=in_channels, **arguments)
        if family == "torchvision" and rest:
            return _torchvision(rest, num_classes, in_channels, arguments)
        if family == "timm" and rest:
            return _timm(rest, num_classes, in_channels, arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"The architecture {name!r} does not take these arguments: {error}.") from error
    raise ModelError(f"Unknown architecture {name!r}{_nearest(name, sorted(_REGISTRY))}")


def _check_arguments(name: str, arguments: dict[str, Any]) -> None:
    takes = inspect.signature(_REGISTRY[name].build).parameters
    if any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        return
    known = [argument for argument in takes if argument not in {"num_classes", "in_channels"}]
    for argument in arguments:
        if argument not in known:
            close = difflib.get_close_matches(argument, known, n=1)
            remedy = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known) or 'none'}."
            raise ModelError(f"The architecture {name!r} does not take these arguments: no {argument!r}; {remedy}")


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; there are {', '.join(known)}, torchvision/NAME and timm/NAME."


_WITH_SECOND_HEADS = {"googlenet", "inception_v3"}  # in training they would answer with three logits, or two


def _torchvision(name: str, num_classes: int, in_channels: int, arguments: dict[str, Any]) -> nn.Module:
    from torchvision import models  # half a second that only these families pay

    from fer_core.models.surgery import set_input_channels, set_num_classes, without_second_heads

    known = models.list_models(module=models)
    if name not in known:
        raise ModelError(f"torchvision has no classifier {name!r}{_nearest(name, known)}")
    pretrained = arguments.pop("pretrained", False)
    if name in _WITH_SECOND_HEADS:
        # torchvision wants the heads where their weights are published, and then also scales its input anew, which a
        # network that is rebuilt from its card would not do.
        arguments |= {"aux_logits": pretrained, "transform_input": False, "init_weights": not pretrained}
    try:
        model: nn.Module = models.get_model(name, weights="DEFAULT" if pretrained else None, **arguments)
    except OSError as error:
        raise no_weights(name, error) from error
    if name in _WITH_SECOND_HEADS:
        without_second_heads(model)
    return set_num_classes(set_input_channels(model, in_channels), num_classes)


def _timm(name: str, num_classes: int, in_channels: int, arguments: dict[str, Any]) -> nn.Module:
    try:
        import timm  # two seconds that only this family pays
    except ImportError as error:
        raise UnavailableError("The timm family needs the package timm; pip install -r requirements.txt.") from error
    if not timm.is_model(name):
        raise ModelError(f"timm has no model {name!r}{_nearest(name, timm.list_models())}")
    try:
        with hub_at_once() if arguments.get("pretrained") else contextlib.nullcontext():
            model: nn.Module = timm.create_model(name, num_classes=num_classes, in_chans=in_channels, **arguments)
    except OSError as error:
        raise no_weights(name, error) from error
    return model
