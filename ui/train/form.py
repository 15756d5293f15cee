"""The form of a recipe: a widget for each of its values, filled from the recipe, with what was changed marked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
import yaml

from fer_core.errors import RecipeError
from training.recipe.fields import Entry, Section, as_yaml, overrides, sections
from training.recipe.loading import read_yaml
from ui.train.draft import Draft
from ui.train.kept import forget_values, values_of, widget_key
from ui.train.shape import offer_to_add, offer_to_remove, shaped, split_off

_COLUMNS = 3
_OPEN = {"run", "optimiser", "support-vector machine"}

EXAMPLE = "phases=[{name: first, epochs: 2, learning_rate: 0.01}, {name: second, epochs: 3}]"


def ask_for_changes(draft: Draft) -> list[str]:
    """Draws the form; gives `key=value` for each value that differs from what it was filled with.

    Raises:
        RecipeError: a value that is no YAML.
    """
    kept = values_of(draft.source)
    was = {entry.key: entry.value for part in sections(draft.filled) for entry in part.entries}
    base = {entry.key: entry.value for part in sections(draft.base) for entry in part.entries}
    summary = st.container()
    parts = sections(shaped(draft.filled, kept))
    values: dict[str, Any] = {}
    ends = [
        _ask_section(part, f"open {title}", draft, base, kept)
        for part, title in zip(parts, _titles(parts), strict=True)
    ]
    for part in parts:
        values |= {entry.key: _value(entry, kept) for entry in part.entries}
    for part, end in zip(parts, ends, strict=True):
        if end is not None:
            with end:
                offer_to_remove(draft.filled, draft.source, part.entries[0].key, values, kept)
    offer_to_add(draft.filled, draft.source, values, kept)
    free = _ask_freely(draft, kept)
    rest, lists = split_off(values, kept)
    _summarise(summary, rest, base, lists + free)
    if kept and summary.button("Back to the recipe", key="reset form", icon=":material/undo:"):
        forget_values(draft.source)
        st.rerun()
    return overrides(was, rest) + lists + free


def _titles(parts: Sequence[Section]) -> list[str]:
    """A title for each section, another one for each, as people may give two phases one name."""
    titles: list[str] = []
    for part in parts:
        titles.append(f"{part.title} ({titles.count(part.title) + 1})" if part.title in titles else part.title)
    return titles


def _ask_section(part: Section, key: str, draft: Draft, base: Mapping[str, Any], kept: dict[str, Any]) -> Any:
    """Draws a section and gives its place; its widgets are drawn only while it is open, as all together take long."""
    title = f"**{part.title[0].upper()}{part.title[1:]}**"
    place = st.expander(title, expanded=part.title in _OPEN, key=key, on_change="rerun")
    if not place.open:
        return None
    with place:
        st.caption(part.about)
        columns = st.columns(_COLUMNS)
        # Switches are less tall than the others: in a row of their own they leave no holes.
        for number, entry in enumerate(sorted(part.entries, key=lambda entry: entry.kind == "switch")):
            with columns[number % _COLUMNS]:
                _ask(entry, draft, base.get(entry.key, entry.value), kept)
    return place


def _ask(entry: Entry, draft: Draft, base: Any, kept: dict[str, Any]) -> None:
    """One value, remembered for the next time that the form is drawn."""
    key = widget_key(draft.source, entry.key)
    shown = as_yaml(entry.value) if entry.kind == "yaml" else entry.value
    if key not in st.session_state:
        st.session_state[key] = kept.get(entry.key, shown)
    changed = st.session_state[key] != (as_yaml(base) if entry.kind == "yaml" else base)
    label = f":orange[●] {entry.title}" if changed else entry.title
    words = entry.help + (f"\n\nThe recipe has `{as_yaml(base)}`." if changed else "")
    given = _widget(entry, key, label, words)
    if given == shown:
        kept.pop(entry.key, None)
    else:
        kept[entry.key] = given


def _value(entry: Entry, kept: Mapping[str, Any]) -> Any:
    """What was entered, or what the recipe has."""
    if entry.key not in kept:
        return entry.value
    given = kept[entry.key]
    return _parsed(entry.key, given) if entry.kind == "yaml" else given


def _widget(entry: Entry, key: str, label: str, words: str) -> Any:
    if entry.kind == "switch":
        return st.toggle(label, key=key, help=words)
    if entry.kind in {"choice", "open"}:
        options = list(dict.fromkeys((*entry.choices, st.session_state[key])))
        return st.selectbox(label, options, key=key, help=words, accept_new_options=entry.kind == "open")
    if entry.kind == "whole":
        low, high = (None if limit is None else int(limit) for limit in (entry.least, entry.most))
        return st.number_input(label, low, high, step=1, key=key, help=words)
    if entry.kind == "number":
        step = 10.0 ** math.floor(math.log10(abs(entry.value))) if entry.value else 0.01
        return st.number_input(label, entry.least, entry.most, step=step, format="%.6g", key=key, help=words)
    if entry.kind == "text" and len(entry.value) > 60:
        return st.text_area(label, key=key, help=words, height=160)
    return st.text_input(label, key=key, help=words)


def _parsed(key: str, text: str) -> Any:
    try:
        return read_yaml(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{key}: {text!r} is not a value in YAML; a list is written [a, b].") from error


def _ask_freely(draft: Draft, kept: dict[str, Any]) -> list[str]:
    """Changes as the command line takes them, such as all phases at once."""
    key = f"{draft.source} more"
    if key not in st.session_state:
        st.session_state[key] = kept.get("more", "")
    with st.expander("**More**", expanded=bool(st.session_state[key])):
        text = st.text_area(
            "Other changes, one a line: key=value", key=key, height=90,
            placeholder=EXAMPLE,
        )  # fmt: skip
    kept["more"] = text
    if not text:
        kept.pop("more")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _summarise(place: Any, values: Mapping[str, Any], base: Mapping[str, Any], free: list[str]) -> None:
    """What differs from the recipe, in a line each."""
    lines = [
        f":orange[●] `{key}` is `{as_yaml(value)}`, the recipe has `{as_yaml(base[key])}`"
        for key, value in values.items()
        if key in base and value != base[key]
    ]
    lines += [f":orange[●] `{line}`" for line in free]
    if lines:
        place.markdown("  \n".join(lines))
