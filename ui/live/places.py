"""The cap on cameras that are live at once in this process."""

from __future__ import annotations

import os
import uuid

import streamlit as st

from fer_core.errors import DataError
from fer_core.live.places import Places
from ui.settings import setting

LIVE_STREAMS = "FERSCOPE_LIVE_STREAMS"


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def most_streams() -> int:
    """How many cameras may be live at once: as the secrets or the environment say, by default one a core.

    Raises:
        DataError: the setting is no whole number of at least 1.
    """
    given = setting(LIVE_STREAMS)
    if given is None or given == "":
        return cores()
    text = str(given).strip()
    if isinstance(given, bool) or not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise DataError(f"{LIVE_STREAMS} is {text[:50]!r}; it takes a whole number of live cameras, at least 1.")
    return int(text)


@st.cache_resource(show_spinner=False)
def places() -> Places:
    """The places of this process, shared by all its viewers."""
    return Places(most_streams)


def my_name() -> str:
    """What this viewer's stream is called among the places."""
    return str(st.session_state.setdefault("live_name", uuid.uuid4().hex))


def say_full() -> None:
    """Tells the one viewer too many, with the ways on."""
    most = most_streams()
    other = "another camera is" if most == 1 else f"{most} other cameras are"
    st.warning(
        f"Right now {other} live, as many as this machine takes at once ({LIVE_STREAMS}). A place is free as soon as "
        "somebody stops or leaves. A still picture or a video file works meanwhile.",
        icon=":material/groups:",
    )
    st.button("Look again", icon=":material/refresh:")
