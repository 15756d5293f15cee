"""What a sweep may vary of a recipe, and ranges to begin with."""

from __future__ import annotations

import math
from typing import Any

from training.recipe.fields import Entry, as_yaml, sections
from training.recipe.recipe import Recipe
from training.recipe.sweeping import AxisSpec

_ARGUMENTS = "model.arguments"
_SEED, _TOLD = "seed", {"licence", "intended_use", "limits", "classes", "labels"}


def entries_to_vary(recipe: Recipe) -> dict[str, Entry]:
    """The values of a recipe that a sweep may vary, by key; the arguments of its network each by its own.

    What goes into the card is left out, as are classes and labels: trials that answer different questions have no best.
    """
    found = {entry.key: entry for part in sections(recipe) for entry in part.entries if entry.key not in _TOLD}
    if _ARGUMENTS in found:
        about = found.pop(_ARGUMENTS).help
        for name, value in recipe.model.arguments.items():
            found[f"{_ARGUMENTS}.{name}"] = _argument(name, value, about)
    return found


def _argument(name: str, value: Any, about: str) -> Entry:
    kinds = {bool: "switch", int: "whole", float: "number"}
    kind = kinds.get(type(value), "yaml")
    plain = list(value) if isinstance(value, tuple) else value
    return Entry(f"{_ARGUMENTS}.{name}", name.replace("_", " "), kind, plain, about)  # type: ignore[arg-type]


def suggested_axis(entry: Entry) -> AxisSpec:
    """What a sweep may begin with: every choice there is, or a range around the recipe's value, within the limits.

    A number has a range from a tenth of it to ten times as much, by magnitude, but from below 0.5 not to above it; one
    between 0.5 and 1, such as a decay, has as much for what is missing to 1; one that is not set, a phase's rate, has
    what rates mostly are; a whole number has half to twice as much.
    Where a value stands for itself alone (a list, a text), it is the only choice.

    >>> axis = suggested_axis(Entry("optimiser.learning_rate", "learning rate", "number", 0.1, "", (), 0, None))
    >>> axis.low, axis.high, axis.log
    (0.01, 0.5, True)
    """
    value = entry.value
    if entry.kind == "switch":
        return AxisSpec(choices=(False, True))
    if entry.kind in {"choice", "open"}:
        return AxisSpec(choices=entry.choices if entry.kind == "choice" else (value,))
    if entry.kind == "whole":
        return _whole(entry, 10 if value is None else int(value))
    if entry.kind == "number":
        return AxisSpec(low=0.001, high=0.1, log=True) if value is None else _number(entry, float(value))
    return AxisSpec(choices=(value,))


def _whole(entry: Entry, value: int) -> AxisSpec:
    if entry.key == _SEED:
        return AxisSpec(choices=tuple(range(value, value + 3)))
    low = max(value // 2, int(entry.least or 0))
    high = max(2 * value, low + 1)
    return AxisSpec(low=low, high=high if entry.most is None else min(high, int(entry.most)))


def _number(entry: Entry, value: float) -> AxisSpec:
    if value <= 0:
        low, high = 0.0, 0.5
    elif value <= 0.5:
        low, high = value / 10, min(value * 10, 0.5)
    elif value < 1:
        low, high = max(1 - 10 * (1 - value), 0.0), 1 - (1 - value) / 10
    else:
        low, high = value / 10, value * 10
    low = max(_round(low), entry.least or 0.0)
    high = min(_round(high), math.inf if entry.most is None else entry.most)
    if not low < high:
        return AxisSpec(choices=(value,))
    return AxisSpec(low=low, high=high, log=low > 0 and not 0.5 < value < 1)


def _round(value: float) -> float:
    return float(f"{value:.6g}")


def as_section(axis: AxisSpec) -> Any:
    """An axis as a recipe's section `sweep` has it: a list of choices, or low, high, step and log."""
    if axis.choices:
        return list(axis.choices)
    return axis.model_dump(exclude_defaults=True, exclude={"choices"})


def in_words(axis: AxisSpec) -> str:
    """An axis on one line.

    >>> in_words(AxisSpec(choices=(16, 32))), in_words(AxisSpec(low=1, high=8))
    ('[16, 32]', '{low: 1, high: 8}')
    """
    return as_yaml(as_section(axis))
