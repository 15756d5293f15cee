"""Errors: why does this checkpoint fail, in which classes, on which faces, and what would mend it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from fer_core.errors import DataError
from ui.page import Picked, open_page, sentences

if TYPE_CHECKING:
    from ui.evaluation.kept import Evaluated

VIEWS = ("Confusion", "One class", "Slices", "Calibration", "Votes", "Label errors", "Robustness")

picked = open_page(
    "Errors",
    "Why does this checkpoint fail: in which classes, on which faces, and what would mend it?",
    with_split=True,
)


def show_page(picked: Picked) -> None:
    """The page below its head."""
    if picked.data_set is None or picked.split is None:
        st.info("Errors are looked for on a data set, and none is here yet.", icon=":material/photo_library:")
        st.page_link("pages/1_Datasets.py", label="Import one, or draw one", icon=":material/photo_library:")
        return
    if picked.checkpoint is None:
        return  # the sidebar says what to do
    from ui.datasets.shown import open_shown
    from ui.evaluation.asking import ask_truth, has_samples, is_open, offer_evaluation
    from ui.evaluation.kept import evaluated
    from ui.tasks import show_tasks

    card = picked.checkpoint.card
    show_tasks(picked.data_set)
    where = ask_truth(open_shown(picked.data_set, card), picked.split, [card])
    if not has_samples(where) or not is_open(where, {card.weights_sha256: card.name}):
        return
    try:
        found = evaluated(where, card)
    except DataError as error:
        st.error(str(error), icon=":material/error:")
        offer_evaluation(where, picked.checkpoint)
        return
    if found is None:
        st.info(
            f"{card.name} has not predicted the {where.split} split of {picked.data_set} yet. It does so once; every "
            "view here then reads the kept table.",
            icon=":material/play_circle:",
        )
        offer_evaluation(where, picked.checkpoint)
        return
    show_evaluated(found)


def show_evaluated(found: Evaluated) -> None:
    """What is known of a checkpoint's answers, narrowed by the filters, in one of the views."""
    from ui.datasets.filters import ask_about_samples
    from ui.errors.head import show_head

    with st.sidebar.expander("Only some samples", icon=":material/filter_alt:"):
        filters = ask_about_samples(found.where.shown, ("source", "subject_id"))
    whole, found = found, found.narrowed(filters)
    if not len(found.predictions):
        st.info("No sample passes all filters; take one of them back.", icon=":material/filter_alt_off:")
        return
    show_head(found, whole)
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0], required=True, key="errors", bind="query-params", label_visibility="collapsed"
    )
    show_view(str(view), found)


def show_view(view: str, found: Evaluated) -> None:
    """One view; only what it needs is loaded."""
    if view == "Confusion":
        from ui.errors.matrix import show_matrix

        show_matrix(found)
    elif view == "One class":
        from ui.errors.lens import show_class

        show_class(found)
    elif view == "Slices":
        from ui.errors.slices import show_slices

        show_slices(found)
    elif view == "Calibration":
        from ui.errors.calibration import show_calibration

        show_calibration(found)
    elif view == "Votes":
        from ui.errors.votes import show_votes

        show_votes(found)
    elif view == "Label errors":
        from ui.errors.suspects import show_suspects

        show_suspects(found)
    else:
        from ui.errors.robustness import show_robustness

        show_robustness(found)


with sentences():
    show_page(picked)
