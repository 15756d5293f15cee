"""The section `sweep` of a recipe: what is varied, what is to become better, and when a trial is given up."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from fer_core.errors import RecipeError
from training.recipe.loading import parse_change, parse_recipe, put, recipe_values
from training.recipe.parts import Part
from training.recipe.recipe import Recipe

_LARGEST = 2**53  # beyond it a float does not tell whole numbers apart


class AxisSpec(Part):
    """What a key of the recipe may be: one of several values, or a number of a range.

    Attributes:
        choices: the values, of any kind that the key takes; none where it is a range.
        low: the lowest number; if it, `high` and `step` are whole, so is what is drawn.
        high: the highest number.
        step: distance of the numbers; None draws any, or any whole one.
        log: draw evenly on a logarithmic scale.
    """

    choices: tuple[Any, ...] = ()
    low: int | float | None = None
    high: int | float | None = None
    step: int | float | None = Field(None, gt=0)
    log: bool = False

    @model_validator(mode="after")
    def _choices_or_range(self) -> Self:
        if self.choices:
            if {self.low, self.high, self.step} != {None} or self.log:
                raise ValueError("has choices, or low and high, but not both")
            if len({label(choice) for choice in self.choices}) < len(self.choices):
                raise ValueError("names a choice twice")
            return self
        if self.low is None or self.high is None:
            raise ValueError("needs choices, or low and high; for example [16, 32], or {low: 0.001, high: 0.1}")
        if any(value is not None and abs(value) > _LARGEST for value in (self.low, self.high, self.step)):
            raise ValueError(f"has a number beyond {_LARGEST:,}; no key of a recipe takes one")
        if not self.low < self.high:
            raise ValueError(f"low is {self.low}, which is not below high, {self.high}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs a low above 0, and takes no step")
        return self

    @property
    def whole(self) -> bool:
        """Whether a range is one of whole numbers."""
        return all(isinstance(value, int) for value in (self.low, self.high, self.step) if value is not None)

    def extremes(self) -> tuple[Any, ...]:
        """Every choice, or both ends of the range."""
        return self.choices or (self.low, self.high)

    def between(self) -> float | None:
        """A number that may be drawn between the ends of a range; None of choices and of whole numbers."""
        if self.low is None or self.high is None or self.whole:
            return None
        if self.step is not None:
            first = self.low + self.step
            return first if first < self.high else None
        return (self.low + min(self.high, math.floor(self.low) + 1)) / 2  # never a whole one


class PruningSpec(Part):
    """Gives up a trial that, after an epoch, is worse than the median of those before it at that epoch.

    The trial's best epoch so far counts (Golovin et al. 2017, doi:10.1145/3097983.3098043).

    Attributes:
        startup_trials: trials that must have run to their end before any is given up.
        warmup_epochs: epochs that each trial has in any case.
    """

    startup_trials: int = Field(5, ge=1)
    warmup_epochs: int = Field(3, ge=0)


class SweepSpec(Part):
    """What a sweep varies, and what it looks for.

    Attributes:
        space: by key of the recipe (`optimiser.learning_rate`, `phases.0.epochs`) what it may be; a list is choices.
        metric: of the validation split; the loss is to be low, the others high. It is that of a trial's best epoch.
        sampler: `tpe` learns from the trials that are over where to look (Bergstra et al. 2011, NeurIPS 24); `random`.
        pruning: when a trial is given up early; `none` runs each to its end.
        seed: of what is drawn.
    """

    space: dict[str, AxisSpec] = Field(min_length=1)
    metric: Literal["val_accuracy", "val_balanced_accuracy", "val_loss"] = "val_accuracy"
    sampler: Literal["tpe", "random"] = "tpe"
    pruning: PruningSpec | Literal["none"] = PruningSpec()
    seed: int = Field(0, ge=0, lt=2**31)

    @field_validator("space", mode="before")
    @classmethod
    def _lists_are_choices(cls, space: Any) -> Any:
        if not isinstance(space, dict):
            return space
        return {key: {"choices": axis} if isinstance(axis, list) else axis for key, axis in space.items()}

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """What is wanted of the metric."""
        return "minimize" if self.metric == "val_loss" else "maximize"


def label(choice: Any) -> str | int | float | bool | None:
    """A choice as it is kept and shown: a plain value is itself, anything else is written as JSON, or else as text."""
    if choice is None or isinstance(choice, str | int | float | bool):
        return choice
    try:
        return json.dumps(choice)
    except TypeError:  # YAML has dates, and keys of any kind
        return str(choice)


def load_sweep(
    name: str | Path, overrides: Iterable[str] = (), searches: Iterable[str] = ()
) -> tuple[dict[str, Any], SweepSpec]:
    """The values of a recipe without its section `sweep`, and that section, each value of its space tried.

    Args:
        name: as for `load_recipe`.
        overrides: the same; `sweep.metric=val_loss` changes the section.
        searches: `key=[16, 32]` or `key={low: 1, high: 8}`, which come to the space or replace what stands there.

    Raises:
        RecipeError: as `load_recipe`; there is nothing to vary; or the recipe does not take what is to be varied.
    """
    values = recipe_values(name, overrides)
    section = _section(values.pop("sweep", None), str(name))
    for search in searches:
        key, axis = parse_change(search, "--search")
        section["space"] = {**(section.get("space") or {}), key: axis}
    if not section.get("space"):
        raise RecipeError(
            f"{name} says nothing of what is to be varied. Give it a section `sweep` with a `space`, or say it with "
            "--search 'optimiser.learning_rate={low: 0.001, high: 0.1, log: true}' or --search 'batch_size=[32, 64]'."
        )
    return values, check_sweep(values, section, str(name))


def check_sweep(values: dict[str, Any], section: Any, name: str) -> SweepSpec:
    """A recipe's section `sweep`, with every choice, both ends of every range and a number between them tried.

    Args:
        values: of the recipe, without the section; they stay as they are.
        section: plain values.
        name: of the recipe, for the errors' sentences.

    Raises:
        RecipeError: the recipe or its section is wrong, or the recipe does not take what is to be varied.
    """
    spec = parse_sweep(_section(section, name), f"{name}: sweep")
    parse_recipe(copy.deepcopy(values), where=name)
    for key, axis in spec.space.items():
        for value in axis.extremes():
            with_values(values, {key: value})
        between = axis.between()
        if between is not None:
            _try_between(values, key, between)
    return spec


def _section(section: Any, name: str) -> dict[str, Any]:
    """The section `sweep`, where it and the space within it are mappings, as they have to be."""
    section = section or {}
    if not isinstance(section, dict) or not isinstance(section.get("space") or {}, dict):
        raise RecipeError(f"{name}: sweep, and space within it, must hold keys and values, not {section!r}.")
    return section


def _try_between(values: dict[str, Any], key: str, value: float) -> None:
    try:
        with_values(values, {key: value})
    except RecipeError as error:
        raise RecipeError(
            f"{error} If {key} is whole, write whole numbers for low, high and step: 16, not 16.0."
        ) from error


def parse_sweep(section: Any, where: str) -> SweepSpec:
    """A section `sweep` from plain values.

    Raises:
        RecipeError: every wrong key or value, each in its own sentence.
    """
    try:
        return SweepSpec.model_validate(section)
    except ValidationError as error:
        raise RecipeError(" ".join(_sentence(e, where) for e in error.errors())) from error


def _sentence(error: Any, where: str) -> str:
    path = ".".join([where, *(str(part) for part in error["loc"])])
    if error["type"] == "extra_forbidden":
        keys = AxisSpec if "space" in error["loc"] else PruningSpec if "pruning" in error["loc"] else SweepSpec
        return f"{path} is not a key; there are: {', '.join(keys.model_fields)}."
    return f"{path}: {error['msg'].removeprefix('Value error, ')}, not {error['input']!r}."


def with_values(values: dict[str, Any], drawn: Mapping[str, Any]) -> Recipe:
    """The recipe of a trial: `values` with what was drawn in its place; `values` stay as they are.

    Raises:
        RecipeError: the recipe does not take them.
    """
    values = copy.deepcopy(values)
    for key, value in drawn.items():
        put(values, key, copy.deepcopy(value), said=f"sweep.space.{key}")
    said = ", ".join(f"{key}={label(value)}" for key, value in drawn.items())
    return parse_recipe(values, where=f"A trial with {said}")
