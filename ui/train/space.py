"""What a sweep varies, as the user chooses it: keys of the recipe, and for each a range or choices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st
import yaml

from fer_core.errors import RecipeError
from training.recipe import Recipe
from training.recipe.fields import Entry, as_yaml
from training.recipe.loading import read_yaml
from training.recipe.sweeping import AxisSpec
from training.recipe.varying import entries_to_vary, in_words, suggested_axis

_RANGE, _CHOICES = "range", "choices"
_FIRST = "optimiser.learning_rate"


def ask_space(recipe: Recipe, begin: Mapping[str, AxisSpec], key: str) -> dict[str, Any]:
    """Draws the widgets; gives a sweep's `space` as plain values, empty where nothing is chosen.

    Args:
        recipe: what the values are of.
        begin: what the recipe itself has in its section `sweep`, which the widgets are filled with.
        key: what the keys of the widgets begin with.

    Raises:
        RecipeError: a value that is no YAML.
    """
    entries = entries_to_vary(recipe)
    first = list(begin) or [name for name in entries if name == _FIRST]
    chosen = st.multiselect(
        "What is varied", list(dict.fromkeys((*begin, *entries))), first, key=f"{key} keys", accept_new_options=True,
        select_all=False,  # nobody varies every key, and a quick Enter would take that row before the list is narrowed
        placeholder="Choose keys of the recipe",
        help="Any other key of the recipe can be typed, such as phases.0.epochs or one of the network's arguments.",
    )  # fmt: skip
    space = {}
    for name in chosen:
        with st.container(border=True):
            space[name] = _ask_axis(name, entries.get(name), begin.get(name), f"{key} {name}")
    return space


def _ask_axis(name: str, entry: Entry | None, begin: AxisSpec | None, key: str) -> Any:
    if entry is None or not _fits(entry, begin):
        return _ask_freely(name, begin, key)
    axis = begin or suggested_axis(entry)
    title = f"**{name}**, the recipe has `{as_yaml(entry.value)}`"
    if entry.kind not in {"whole", "number"}:
        st.markdown(title, help=entry.help)
        return _ask_choices(name, entry, axis, key)
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.markdown(title, help=entry.help)
    how = right.segmented_control(
        f"How {name} is varied", (_RANGE, _CHOICES), default=_CHOICES if axis.choices else _RANGE, required=True,
        key=f"{key} how", label_visibility="collapsed",
    )  # fmt: skip
    if how == _RANGE:
        return _ask_range(name, entry, axis if axis.low is not None else suggested_axis(entry), key)
    return _ask_choices(name, entry, axis, key)


def _fits(entry: Entry, begin: AxisSpec | None) -> bool:
    """Whether the widgets for such a value can show what the recipe's section has; otherwise it is shown as YAML."""
    if begin is None or (begin.choices and entry.kind not in {"choice", "open"}):
        return True
    if begin.choices:
        return all(isinstance(choice, str) for choice in begin.choices)
    least, most = -math.inf if entry.least is None else entry.least, math.inf if entry.most is None else entry.most
    ends = [end for end in (begin.low, begin.high) if end is not None]
    whole = entry.kind == "number" or begin.whole
    return entry.kind in {"whole", "number"} and whole and all(least <= end <= most for end in ends)


def _ask_range(name: str, entry: Entry, axis: AxisSpec, key: str) -> dict[str, Any]:
    whole = entry.kind == "whole"
    columns = st.columns(4, vertical_alignment="bottom")
    values: dict[str, Any] = {}
    for column, end in zip(columns, ("low", "high"), strict=False):
        value = getattr(axis, end)
        value = 0 if value is None else value
        values[end] = column.number_input(
            f"{end.capitalize()}est {name}", *_limits(entry), int(value) if whole else float(value),
            step=1 if whole else _step(float(value)), format=None if whole else "%.6g", key=f"{key} {end}",
        )  # fmt: skip
    step = columns[2].number_input(
        f"Step of {name}", 1 if whole else 0.0, None, axis.step, key=f"{key} step", placeholder="any",
        format=None if whole else "%.6g", help="Distance of the values that are drawn; empty draws any.",
    )  # fmt: skip
    log = columns[3].toggle(
        "By magnitude", axis.log, key=f"{key} log",
        help="Draws as often between 0.001 and 0.01 as between 0.01 and 0.1; takes no step.",
    )  # fmt: skip
    return {**values, **({"step": step} if step else {}), **({"log": True} if log else {})}


def _limits(entry: Entry) -> tuple[Any, Any]:
    kind = int if entry.kind == "whole" else float
    return tuple(None if limit is None else kind(limit) for limit in (entry.least, entry.most))  # type: ignore[return-value]


def _step(value: float) -> float:
    return 10.0 ** math.floor(math.log10(abs(value))) if value else 0.01


def _ask_choices(name: str, entry: Entry, axis: AxisSpec, key: str) -> list[Any]:
    if entry.kind in {"choice", "open"}:
        options = list(dict.fromkeys((*entry.choices, *axis.choices)))
        return st.multiselect(
            f"Choices of {name}", options, list(axis.choices), key=f"{key} choices", label_visibility="collapsed",
            accept_new_options=entry.kind == "open",
        )  # fmt: skip
    begin = list(axis.choices) or [entry.value]
    text = st.text_input(
        f"Choices of {name}", as_yaml(begin), key=f"{key} choices", label_visibility="collapsed",
        help="A list in YAML, such as [16, 32] or [[32, 64], [64, 128]].",
    )  # fmt: skip
    found = _parsed(name, text)
    return found if isinstance(found, list) else [found]


def _ask_freely(name: str, begin: AxisSpec | None, key: str) -> Any:
    text = st.text_input(
        f"**{name}**", in_words(begin) if begin else "", key=f"{key} free", placeholder="[16, 32] or {low: 1, high: 8}"
    )
    return _parsed(name, text) if text.strip() else []


def _parsed(name: str, text: str) -> Any:
    try:
        return read_yaml(text)
    except yaml.YAMLError as error:
        raise RecipeError(
            f"{name}: {text!r} is not a value in YAML; choices are written [a, b], a range {{low: 1, high: 8}}."
        ) from error


def combinations(space: Mapping[str, Any]) -> int | None:
    """How many different trials there can be; None where a range has no end of them."""
    count = 1
    for axis in space.values():
        if not isinstance(axis, list):
            return None
        count *= len(axis)
    return count
