"""Label errors: which of the model's errors may be the annotators'."""

from __future__ import annotations

import streamlit as st

from fer_core.evaluate.columns import in_version
from fer_core.evaluate.suspects import Suspects, suspects
from ui.evaluation.faces import said, show_faces
from ui.evaluation.kept import Evaluated
from ui.evaluation.once import once
from ui.page import rate
from ui.wording import plural


def show_suspects(found: Evaluated) -> None:
    """The view."""
    if found.where.split == "train":
        st.warning("The model was trained on these very labels and repeats them; look on another split.")
    with st.spinner("Looking for labels that are probably wrong", show_time=True):
        seen = once(found.predictions, "suspects", lambda: _search(found))
    st.markdown(f"**{plural(len(seen.rows), 'label')}** of {seen.n:,} are probably wrong.")
    if seen.voted:
        flagged = rate(seen.disagree.value, (seen.disagree.low, seen.disagree.high))
        every = rate(seen.base.value, (seen.base.low, seen.base.high))
        st.markdown(
            f"{seen.voted:,} of them have votes, and of these {flagged} have most votes for another class than the "
            f"label; of all samples with votes it is {every}."
        )
        st.caption("A model that was trained on such votes agrees with them more than another would.")
    if not len(seen.rows):
        return
    names, labels = found.predictions.classes.names, found.predictions.labels
    probabilities = found.predictions.probabilities

    def note(place: int) -> str:
        return f"{said(found, place)}, {names[labels[place]]} {probabilities[place, labels[place]]:.0%}"

    show_faces(found, seen.rows, "suspects", note)
    st.caption(
        "Confident learning (Northcutt et al. 2021, cleanlab), the least likely labels first. The audit of the "
        "Datasets page looks through all splits, and mends labels in a new version."
    )
    st.page_link("pages/1_Datasets.py", label="Audit the data set", icon=":material/troubleshoot:")


def _search(found: Evaluated) -> Suspects:
    shown = found.where.shown
    votes = in_version(shown.data_set, found.predictions, ["vote_label"], shown.version.number)["vote_label"]
    return suspects(found.predictions, votes if votes.null_count < len(votes) else None)
