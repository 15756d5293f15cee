"""Phases and groups of layers as the user adds and removes them; each is a section of the form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from training.recipe import GroupSpec, PhaseSpec, Recipe, help_of
from training.recipe.fields import as_yaml
from ui.train.wishes import wish

_KINDS: dict[str, type[PhaseSpec | GroupSpec]] = {"phases": PhaseSpec, "groups": GroupSpec}
_ABOUT = help_of(Recipe)


def shaped(recipe: Recipe, kept: Mapping[str, Any]) -> Recipe:
    """The recipe with the parts that there are now; they may not be valid yet, as they are still being entered."""
    lists = {
        name: tuple(kind.model_construct(**values) for values in kept[name])
        for name, kind in _KINDS.items()
        if name in kept
    }
    return recipe.model_copy(update=lists)


def split_off(values: Mapping[str, Any], kept: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Values of parts that were neither added nor removed; and the other parts, each list of them as one override."""
    whole = [name for name in _KINDS if name in kept]
    rest = {key: value for key, value in values.items() if key.partition(".")[0] not in whole}
    return rest, [f"{name}={as_yaml(_listed(values, name))}" for name in whole]


def _listed(values: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """`phases.0.epochs` and so on as a list of parts."""
    found: dict[int, dict[str, Any]] = {}
    for key, value in values.items():
        kind, _, rest = key.partition(".")
        number, _, field = rest.partition(".")
        if kind == name and number.isdecimal():
            found.setdefault(int(number), {})[field] = value
    return [found[number] for number in sorted(found)]


def offer_to_add(recipe: Recipe, source: str, values: Mapping[str, Any], kept: dict[str, Any]) -> None:
    """The buttons; a new part changes nothing until it is filled in, but that the first phase has all epochs."""
    if recipe.svm:
        return
    with st.container(horizontal=True):
        for name in _KINDS:
            one = name.removesuffix("s")
            if st.button(f"Add a {one}", key=f"{source} add {one}", icon=":material/add:", help=_ABOUT[name]):
                parts = _listed(values, name)
                used = {part["name"] for part in parts}
                free = next(str(i) for i in range(1, len(used) + 2) if str(i) not in used)
                _keep(recipe, source, name, [*parts, _new(name, free, None if parts else values.get("epochs"))], kept)
                wish(**{f"open {one} {free}": True})


def offer_to_remove(recipe: Recipe, source: str, key: str, values: Mapping[str, Any], kept: dict[str, Any]) -> None:
    """The button of a section, where it is one of a phase or a group; `key` is that of its first entry."""
    name, number, *_ = (*key.split("."), "")
    if name in _KINDS and number.isdecimal():
        one = name.removesuffix("s")
        if st.button(f"Remove this {one}", key=f"{source} remove {name} {number}", icon=":material/delete:"):
            parts = _listed(values, name)
            del parts[int(number)]
            _keep(recipe, source, name, parts, kept)
            st.rerun()


def _new(name: str, called: str, epochs: int | None) -> dict[str, Any]:
    """A phase of one epoch, or of so many, or a group of all layers."""
    if name == "phases":
        return PhaseSpec(name=called, epochs=epochs or 1).model_dump(mode="json")
    return GroupSpec(name=called, layers=("*",)).model_dump(mode="json")


def _keep(recipe: Recipe, source: str, name: str, parts: Sequence[Mapping[str, Any]], kept: dict[str, Any]) -> None:
    """The parts in the place of those before; their widgets begin anew, as they are numbered anew."""
    for key in [key for key in kept if key.startswith(f"{name}.")]:
        del kept[key]
    for key in [key for key in st.session_state if isinstance(key, str) and key.startswith(f"{source} {name}.")]:
        del st.session_state[key]
    kept[name] = list(parts)
    if kept[name] == recipe.model_dump(mode="json")[name]:
        del kept[name]
