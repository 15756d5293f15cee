"""Datasets: what is in this data set, and what is wrong with it before anything is trained on it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

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
    from fer_core.data.store import open_data_set
    from ui.datasets.shown import Shown
    from ui.tasks import show_tasks

    data_set = open_data_set(picked.data_set)
    shown = Shown(
        data_set, data_set.head, picked.checkpoint.card if picked.checkpoint else None, data_set.classes.names
    )
    versions = len(data_set.versions())
    state = f"{shown.version.n:,} samples, {shown.version.note}"
    st.caption(state if versions == 1 else f"{state} (version {shown.version.number} of {versions})")
    show_tasks(data_set.name)
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
        from ui.datasets.adding import show_add

        show_add()


with sentences():
    show_page(picked)
