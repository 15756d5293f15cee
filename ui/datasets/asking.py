"""Asks a checkpoint about a whole data set, as a task."""

from __future__ import annotations

import streamlit as st

from ui.datasets.shown import Shown
from ui.tasks import running, start_task


def offer_answers(shown: Shown) -> None:
    """Says that the checkpoint has not classified this data set yet, with the button for it."""
    if shown.card is None:
        return
    name = shown.data_set.name
    st.caption(f"{shown.card.name} has not classified this data set yet.")
    if st.button(
        "Classify it", key="classify", icon=":material/play_arrow:", disabled=running(name),
        help=f"{shown.version.n:,} faces; it goes on while you do something else.",
    ):  # fmt: skip
        start_task(
            ["data", "answer", name, "--checkpoint", shown.card.name], f"{shown.card.name} classifies {name}", name
        )
