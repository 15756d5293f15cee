"""What was entered into forms, under keys that are no widget's: Streamlit forgets widgets that are not drawn."""

from __future__ import annotations

from typing import Any

import streamlit as st

_VALUES = "train values"  # of recipes, by source and key


def values_of(source: str) -> dict[str, Any]:
    """What was entered into the form of a recipe, by key; a change of it is kept.

    Args:
        source: as in `ui.train.draft.Draft`.
    """
    found: dict[str, Any] = st.session_state.setdefault(_VALUES, {}).setdefault(source, {})
    return found


def widget_key(source: str, key: str) -> str:
    """By which Streamlit knows the widget of a recipe's value."""
    return f"{source} {key}"


def forget_values(source: str) -> None:
    """The form of a recipe begins anew with what the recipe has."""
    st.session_state.setdefault(_VALUES, {}).pop(source, None)
    _forget(widget_key(source, ""))


def sweep_key(recipe: str) -> str:
    """What the keys of the widgets begin with that ask for a sweep of a recipe, by its name."""
    return f"sweep {recipe}"


def forget_sweep(recipe: str) -> None:
    """The form of a sweep begins anew with what the recipe of this name has."""
    _forget(f"{sweep_key(recipe)} ")


def _forget(begins: str) -> None:
    for key in [key for key in st.session_state if isinstance(key, str) and key.startswith(begins)]:
        del st.session_state[key]
