"""What computes the answers of the Live page."""

from __future__ import annotations

import streamlit as st

from fer_core.backends import Choice, way
from fer_core.checkpoint import Checkpoint
from fer_core.live import live_choice
from fer_core.predict import Predictor

_KEY = "live_choice"  # in the session's state


def chosen(checkpoint: Checkpoint) -> Predictor:
    """The fastest predictor of a checkpoint on this machine; says it where an exported file of it is broken.

    Raises:
        FERScopeError: the checkpoint cannot be loaded.
    """
    choice = st.session_state[_KEY] = live_choice(checkpoint.folder)
    for problem in choice.problems:
        st.warning(f"{problem} Meanwhile {way(choice.predictor)} answers.", icon=":material/warning:")
    return choice.predictor


def show_choice() -> None:
    """What computes the answers, and how much slower the other ways are."""
    choice: Choice = st.session_state[_KEY]
    st.caption(choice.as_text())
