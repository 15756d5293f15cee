"""Train: which recipe learns this data set, how far is it, and when does it begin to over-fit?"""

from __future__ import annotations

import streamlit as st

from ui.page import Picked, open_page, sentences
from ui.train.wishes import keep_forms, take_wish

VIEWS = ("New run", "Queue", "Curves", "Sweeps")

keep_forms()
take_wish()  # before any widget is drawn, those of the sidebar included
picked = open_page("Train", "Which recipe learns this data set, how far is it, and when does it begin to over-fit?")


def show_page(picked: Picked) -> None:
    """The page below its head; only what a view needs is loaded."""
    view = st.segmented_control(
        "View", VIEWS, default="New run", required=True, key="show", bind="query-params", label_visibility="collapsed"
    )
    if view == "Queue":
        from ui.train.queue import show_queue

        show_queue()
    elif view == "Curves":
        from ui.train.curves import show_curves

        show_curves()
    elif view == "Sweeps":
        from ui.train.sweeps import show_sweeps

        show_sweeps(picked.data_set)
    else:
        from ui.train.launch import show_launch

        show_launch(picked.data_set)


with sentences():
    show_page(picked)
