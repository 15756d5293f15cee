"""Keeps a worker alive while jobs are open, and carries what a button wishes into the next run of the page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from fer_core.errors import JobError
from fer_core.workspace import workspace

_WISH = "train wish"


def wake_worker(*, now: bool = False) -> None:
    """Starts a worker where jobs are open and none is alive; looks every 15 seconds at most, or `now`."""
    if not (workspace() / "jobs" / "jobs.db").exists():
        return
    if now:
        _wake.clear()
    try:
        _wake(str(workspace().resolve()))
    except JobError as error:
        st.warning(str(error), icon=":material/lock:")


@st.cache_data(ttl=15, show_spinner=False)  # a worker that is being started needs some seconds to be seen
def _wake(_of: str, /) -> None:
    from training.jobs.worker import wake

    wake()


def wish(**state: Any) -> None:
    """Runs the page again with widgets set, which may already be drawn in this run."""
    st.session_state[_WISH] = state
    st.rerun()


def take_wish() -> None:
    """Sets what the last run of the page wished for; called before the widgets are drawn."""
    for key, value in st.session_state.pop(_WISH, {}).items():
        st.session_state[key] = value
