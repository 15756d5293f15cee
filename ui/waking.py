"""Keeps a worker alive while jobs are open, so that they go on as soon as somebody opens the app."""

from __future__ import annotations

import streamlit as st

from fer_core.errors import JobError
from fer_core.workspace import workspace


def wake_worker(*, now: bool = False) -> None:
    """Starts a worker where jobs are open and none is alive; looks every 15 seconds at most, or `now`."""
    if not (workspace() / "jobs" / "jobs.db").exists():
        return
    if now:
        _wake.clear()
    try:
        _wake(str(workspace().resolve()))
    except JobError as error:
        st.error(str(error), icon=":material/lock:")


@st.cache_data(ttl=15, show_spinner=False)  # a worker that is being started needs some seconds to be seen
def _wake(_of: str, /) -> None:
    from training.jobs.worker import wake

    wake()
