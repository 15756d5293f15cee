"""Compare: is another checkpoint really better, where do they differ, and what do they give together?"""

from __future__ import annotations

import streamlit as st

from ui.page import Picked, open_page, sentences

VIEWS = ("Leaderboard", "Pairs", "Together", "Across data", "Claims")

picked = open_page(
    "Compare", "Is another checkpoint really better, where do they differ, and what do they give together?",
    with_split=True,
)  # fmt: skip


def show_page(picked: Picked) -> None:
    """The page below its head."""
    view = str(
        st.segmented_control(
            "View", VIEWS, default=VIEWS[0], required=True, key="compare", bind="query-params",
            label_visibility="collapsed",
        )
    )  # fmt: skip
    if view == "Claims":
        from ui.compare.claims import show_claims

        show_claims()
    elif picked.data_set is None or picked.split is None:
        st.info("Checkpoints are compared on a data set, and none is here yet.", icon=":material/photo_library:")
        st.page_link("pages/1_Datasets.py", label="Import one, or draw one", icon=":material/photo_library:")
    else:
        show_models(view, picked.data_set, picked.split)


def show_models(view: str, data_set: str, split: str) -> None:
    """The views about models on one split of a data set."""
    from fer_core.checkpoint import list_checkpoints
    from ui.compare.entries import comparable, entries, offer_missing, pick
    from ui.compare.runs import models_of_runs
    from ui.datasets.shown import open_shown
    from ui.evaluation.asking import ask_truth, has_samples, is_open
    from ui.tasks import show_tasks

    show_tasks(data_set)
    if view == "Across data":
        from ui.compare.across import show_across

        show_across(split)
        return
    where = ask_truth(open_shown(data_set, None), split, [c.card for c in list_checkpoints()])
    if not has_samples(where):
        return
    found, runs = entries(where), models_of_runs()
    if not is_open(where, {entry.predictions.about.model_hash: name for name, entry in found.items()}):
        return
    if not found:
        st.info(f"No checkpoint has predicted the {split} split of {data_set} yet.", icon=":material/play_circle:")
        offer_missing(where, found, runs)
        return
    found = comparable(found)
    if view == "Leaderboard":
        from ui.compare.board import show_board

        show_board(where, found, runs)
    elif view == "Pairs":
        from ui.compare.pairs import show_pairs

        show_pairs(where, pick(found, runs))
    else:
        from ui.compare.together import show_together

        show_together(where, pick(found, runs))


with sentences():
    show_page(picked)
