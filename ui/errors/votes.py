"""Votes: is the model unsure where people are?"""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.reliability import entropy, votes_against_confidence
from ui.evaluation.faces import said, show_faces
from ui.evaluation.kept import Evaluated
from ui.evaluation.once import once

_KINDS = {"sure": "The model is sure, people are not", "unsure": "People are sure, the model is not"}

_MOST = 240  # faces that are paged through


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
    both = once(
        predictions, "votes", lambda: votes_against_confidence(predictions.probabilities, predictions.right, votes)
    )
    low, high = both.interval
    st.markdown(
        f"The model's doubt goes with the annotators': rank correlation **{both.spearman:.2f}** "
        f"[{low:.2f}, {high:.2f}] over {both.n:,} samples with votes."
    )
    st.plotly_chart(
        doubt_against_votes(both), key="doubt", config={"displaylogo": False},
        alt=f"Entropy of the model against entropy of the votes; rank correlation {both.spearman:.2f}",
    )  # fmt: skip
    st.caption("Spearman's correlation, its interval by Fisher's transformation (Bonett and Wright 2000).")
    kind = str(
        st.segmented_control(
            "Faces", list(_KINDS), default="sure", required=True, format_func=_KINDS.__getitem__, key="votes kind",
            bind="query-params",
        )
    )  # fmt: skip
    order = once(predictions, ("votes", kind), lambda: _apart(predictions, votes, kind))
    show_faces(found, order[:_MOST], f"votes {kind}", lambda i: f"{said(found, i)}, votes {votes[i]:.1f} bit")


def _apart(predictions: Predictions, votes: NDArray[np.float64], kind: str) -> NDArray[np.int64]:
    """Places of the samples on which only one side is sure, those first on which the two are furthest apart."""
    apart = np.nan_to_num((votes - entropy(predictions.probabilities)) * (1 if kind == "sure" else -1), nan=-np.inf)
    order = np.argsort(-apart, kind="stable")
    return order[: int((apart > 0).sum())]
