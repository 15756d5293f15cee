"""Carries what a button wishes into the next run of the page."""

from __future__ import annotations

from typing import Any

import streamlit as st

_WISH = "train wish"


def wish(**state: Any) -> None:
    """Runs the page again with widgets set, which may already be drawn in this run."""
    st.session_state[_WISH] = state
    st.rerun()


def take_wish() -> None:
    """Sets what the last run of the page wished for; called before the widgets are drawn."""
    for key, value in st.session_state.pop(_WISH, {}).items():
        st.session_state[key] = value
