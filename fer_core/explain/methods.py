"""The methods by name. A new one is one new file that calls `register_method`, imported in `__init__`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import FERScopeError
from fer_core.explain.record import ATTENTION, INPUT, Pass

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Option:
    """What a user may set on a method.

    Attributes:
        name: key in the mapping of options.
        type: int or float.
        default: where nothing is given.
        low: least value allowed.
        high: greatest value allowed.
        help: one sentence.
    """

    name: str
    type: type[int | float]
    default: float
    low: float
    high: float
    help: str

    def checked(self, value: Any) -> float:
        """The value, in the option's type.

        Raises:
            FERScopeError: not a number, not whole where it must be, or outside the range.
        """
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not self.low <= value <= self.high or self.type(value) != value:
            kind = "a whole number" if self.type is int else "a number"
            raise FERScopeError(f"{self.name} must be {kind} from {self.low} to {self.high}, not {value!r}.")
        return self.type(value)


@dataclass(frozen=True)
class Method:
    """A saliency method.

    Attributes:
        name: as given to `explain`.
        title: as written by its authors.
        summary: what the map is, in one or two sentences.
        cost: what it costs, in words.
        passes: (forward, backward) passes of one face, given the layer's channels.
        class_specific: whether the map depends on the explained class.
        signed: whether a negative value is evidence against the class; otherwise negative values say nothing.
        uses_gradients: whether `run` needs gradients.
        reference: the paper and where it is.
        run: (N, h, w) raw map from a pass and the checked options.
        options: what a user may set.
        input_map_hw: for a method that looks at the input's own pixels and at no layer: rows and columns of its map,
            given the input's side and the checked options. None: the map has the layer's size.
        needs_tokens: whether it looks at the attention of a vision transformer, and at no layer; its map has a cell for
            each patch. Other networks do not have it.
    """

    name: str
    title: str
    summary: str
    cost: str
    passes: Callable[[int], tuple[int, int]]
    class_specific: bool
    signed: bool
    uses_gradients: bool
    reference: str
    run: Callable[[Pass, Settings], NDArray[np.float32]]
    options: tuple[Option, ...] = ()
    input_map_hw: Callable[[int, Settings], tuple[int, int]] | None = None
    needs_tokens: bool = False

    @property
    def place(self) -> str | None:
        """What stands for the layer where the method asks for none; None where it does."""
        return INPUT if self.input_map_hw else ATTENTION if self.needs_tokens else None

    def settings(self, given: Settings | None = None) -> dict[str, Any]:
        """Every option with its value: the given one, else the default.

        Raises:
            FERScopeError: an option that the method does not have, or a value out of range.
        """
        given = given or {}
        strange = sorted(set(given) - {option.name for option in self.options})
        if strange:
            known = ", ".join(option.name for option in self.options) or "none"
            raise FERScopeError(f"{self.title} has no option {strange[0]!r}; its options: {known}.")
        return {option.name: option.checked(given.get(option.name, option.default)) for option in self.options}


_REGISTRY: dict[str, Method] = {}


def register_method(method: Method) -> Method:
    """Makes a method known by its name."""
    if method.name in _REGISTRY:
        raise ValueError(f"the method {method.name!r} is registered twice")
    _REGISTRY[method.name] = method
    return method


def methods() -> tuple[Method, ...]:
    """All methods, in the order of their registration: the customary one first, the costly ones last."""
    return tuple(_REGISTRY.values())


def get_method(name: str) -> Method:
    """A method by its name.

    Raises:
        FERScopeError: there is none; the names are listed.
    """
    try:
        return _REGISTRY[name]
    except KeyError:
        raise FERScopeError(f"There is no saliency method {name!r}; choose one of {', '.join(_REGISTRY)}.") from None
