"""What is told of an action after which the page is run again.

A toast of the run that is broken off for the next one does not always reach the browser (Streamlit's issue 7740), so
that it is shown by the next.
"""

from __future__ import annotations

import streamlit as st

_TOLD = "told next"


def tell_next(text: str, icon: str) -> None:
    """Keeps a sentence for the next run of a page; called before the page is run again."""
    st.session_state[_TOLD] = (text, icon)


def tell() -> None:
    """Shows, as a toast, what the last run has left to be told."""
    if _TOLD in st.session_state:
        text, icon = st.session_state.pop(_TOLD)
        st.toast(text, icon=icon)
