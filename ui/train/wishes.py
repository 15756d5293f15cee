"""Carries what a button wishes into the next run of the page."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

_WISH = "train wish"
_ENTERED = re.compile(r"(job-\d+ )?run |sweep ")  # widgets of the forms; no button has such a key


def wish(**state: Any) -> None:
    """Runs the page again with widgets set, which may already be drawn in this run."""
    st.session_state[_WISH] = state
    st.rerun()


def take_wish() -> None:
    """Sets what the last run of the page wished for; called before the widgets are drawn."""
    for key, value in st.session_state.pop(_WISH, {}).items():
        st.session_state[key] = value


def keep_forms() -> None:
    """Keeps what was entered in the forms of jobs and sweeps while another view is shown; called before any is drawn.

    Streamlit forgets widgets that are not drawn, but not what a page sets. A run's name is forgotten all the same, as
    none can have it twice.
    """
    for key in [str(key) for key in st.session_state]:
        if _ENTERED.match(key) and not key.endswith("run name"):
            st.session_state[key] = st.session_state[key]
