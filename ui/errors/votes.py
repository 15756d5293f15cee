"""Votes: is the model unsure where people are?"""

from __future__ import annotations

import numpy as np
import streamlit as st

from fer_core.evaluate.reliability import entropy, votes_against_confidence
from ui.evaluation.faces import said, show_faces
from ui.evaluation.kept import Evaluated

_KINDS = {"sure": "The model is sure, people are not", "unsure": "People are sure, the model is not"}


def show_votes(found: Evaluated) -> None:
    """The view."""
    if "vote_entropy" not in found.columns:
        st.info(
            "No annotator's votes are known here. FER2013 gets those of FER+ when it is imported with "
            "`python -m fer_core data import fer2013.csv --labels fer2013new.csv`.",
            icon=":material/how_to_vote:",
        )
        return
    from fer_core.plots.calibration import doubt_against_votes

    predictions = found.predictions
    votes = np.asarray(found.columns["vote_entropy"], dtype=np.float64)
    both = votes_against_confidence(predictions.probabilities, predictions.right, votes)
    low, high = both.interval
    st.markdown(
        f"The model's doubt goes with the annotators': rank correlation **{both.spearman:.2f}** "
        f"[{low:.2f}, {high:.2f}] over {both.n:,} samples with votes."
    )
    st.plotly_chart(
        doubt_against_votes(both), key="votes", config={"displaylogo": False},
        alt=f"Entropy of the model against entropy of the votes; rank correlation {both.spearman:.2f}",
    )  # fmt: skip
    st.caption("Spearman's correlation, its interval by Fisher's transformation (Bonett and Wright 2000).")
    kind = str(
        st.segmented_control(
            "Faces", list(_KINDS), default="sure", required=True, format_func=_KINDS.__getitem__, key="votes kind",
            bind="query-params",
        )
    )  # fmt: skip
    doubt = entropy(predictions.probabilities)
    apart = np.where(np.isnan(votes), -np.inf, (votes - doubt) * (1 if kind == "sure" else -1))
    order = np.argsort(-apart, kind="stable")[: int((apart > 0).sum())]
    show_faces(found, order[:240], f"votes {kind}", lambda i: f"{said(found, i)}, votes {votes[i]:.1f} bit")
