"""Datasets: what is in this data set, and what is wrong with it before anything is trained on it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from fer_core.errors import DataError
from ui.page import Picked, open_page, sentences

if TYPE_CHECKING:
    from ui.datasets.shown import Shown

VIEWS = ("Browse", "Balance", "Map", "Audit", "Versions", "Add")

picked = open_page("Datasets", "What is in this data set, and what is wrong with it before anything is trained on it?")


def show_page(picked: Picked) -> None:
    """The page below its head."""
    if picked.data_set is None:
        from ui.datasets.adding import show_first_steps

        show_first_steps()
        return
    from ui.datasets.shown import open_shown
    from ui.tasks import NEW_DATA_SET, show_tasks

    try:
        shown = open_shown(picked.data_set, picked.checkpoint.card if picked.checkpoint else None)
    except DataError as error:
        from ui.datasets.versions import offer_to_delete

        st.error(str(error), icon=":material/error:")
        offer_to_delete(picked.data_set)
        return
    data_set = shown.data_set
    versions = len(data_set.versions())
    state = f"{shown.version.n:,} samples, {shown.version.note}"
    st.caption(state if versions == 1 else f"{state} (version {shown.version.number} of {versions})")
    show_tasks(data_set.name)
    show_tasks(NEW_DATA_SET)
    view = st.segmented_control(
        "View", VIEWS, default="Browse", required=True, key="view", bind="query-params", label_visibility="collapsed"
    )
    show_view(str(view), shown)


def show_view(view: str, shown: Shown) -> None:
    """One view; only what it needs is loaded."""
    if view == "Browse":
        from ui.datasets.browse import show_browse

        show_browse(shown)
    elif view == "Balance":
        from ui.datasets.balance import show_balance

        show_balance(shown)
    elif view == "Map":
        from ui.datasets.mapping import show_map

        show_map(shown)
    elif view == "Audit":
        from ui.datasets.audit import show_audit

        show_audit(shown)
    elif view == "Versions":
        from ui.datasets.versions import show_versions

        show_versions(shown)
    else:
        from ui.datasets.adding import show_ways

        show_ways()


with sentences():
    show_page(picked)
