"""Confusion: which class is taken for which, the faces of each cell, what another checkpoint does otherwise."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import streamlit as st

from fer_core.checkpoint import list_checkpoints
from fer_core.evaluate.compare.bootstrap import Interval
from fer_core.evaluate.errors import Confusion, class_figures, confusion, subtract
from fer_core.evaluate.errors.confusion import Share
from fer_core.evaluate.predictions import Predictions
from ui.evaluation.faces import show_faces
from ui.evaluation.kept import Evaluated
from ui.evaluation.tables import show_table
from ui.page import ink, sentences
from ui.wording import plural

SHARES: dict[str, Share] = {"counts": "count", "% of rows": "row", "% of columns": "column"}
_APART: dict[Share, str] = {
    "count": "counts", "row": "points of the annotated class", "column": "points of the predicted class"
}  # fmt: skip
_NOBODY = "nothing"


def show_matrix(found: Evaluated) -> None:
    """The view."""
    matrix = confusion(found.predictions)
    _choose_first(matrix)
    left, right = st.columns([6, 5], gap="large")
    with left:
        share, other = _ask(found)
        _draw(found, matrix, share, other)
    with right:
        _show_cell(found, matrix)
    st.subheader("Classes")
    show_table(_class_rows(matrix), "classes", rates=("recall", "precision"))
    st.caption(
        "95 % intervals: Wilson's for recall = TP / n and precision = TP / predicted, of the bootstrap for "
        "F1 = 2 TP / (n + predicted). A class without samples has none of them."
    )


def _ask(found: Evaluated) -> tuple[Share, str | None]:
    others = {
        c.folder.name: c.card
        for c in list_checkpoints()
        if c.card.weights_sha256 != found.card.weights_sha256 and found.where.was_asked(c.card)
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = st.segmented_control(
            "Cells hold", list(SHARES), default="% of rows", required=True, key="cells", bind="query-params",
            width="content",
        )  # fmt: skip
        less = st.selectbox(
            "Less those of", [_NOBODY, *others], key="less", bind="query-params", disabled=not others, width=220
        )
    return SHARES[str(how)], None if less in {None, _NOBODY} else str(less)


def _draw(found: Evaluated, matrix: Confusion, share: Share, other: str | None) -> None:
    from fer_core.plots.confusion import confusion_map

    apart = None
    if other is not None:
        with sentences():
            apart = subtract(found.predictions, _same_samples(found, other), share)
    if apart is None:
        shares = None if share == "count" else matrix.shares(share)
        figure = confusion_map(matrix.counts, matrix.classes, shares, chosen=_cell(), ink=ink())
        words = "Rows are annotated classes, columns predicted ones; a click on a cell shows its faces."
    else:
        shares = None if share == "count" else apart.shares
        figure = confusion_map(apart.counts, matrix.classes, shares, chosen=_cell(), p=apart.p, ink=ink())
        words = (
            f"{found.card.name} less {other}, {_APART[share]}; bold where the counts differ by more than chance: exact "
            "McNemar's p, Holm over all cells, below 0.05."
        )
    st.plotly_chart(
        figure, key="matrix", on_select=_choose_cell, selection_mode=("points",), config={"displaylogo": False},
        alt=f"Confusion matrix of {found.card.name} on {plural(len(found.predictions), 'sample')}",
    )  # fmt: skip
    st.caption(words)


def _same_samples(found: Evaluated, other: str) -> Predictions:
    """What another checkpoint answered on the same samples."""
    card = next(c.card for c in list_checkpoints() if c.folder.name == other)
    theirs = cast("Predictions", found.where.predictions(card))
    mine = found.where.predictions(found.card)
    if mine is None or len(mine) == len(found.predictions):
        return theirs
    import pyarrow.compute as pc

    return theirs.take(np.asarray(pc.index_in(found.predictions.sample_ids, value_set=theirs.sample_ids)))


def _choose_cell() -> None:
    """A click on the matrix is a choice of both classes."""
    points: list[Any] = st.session_state["matrix"]["selection"]["points"]
    if points:
        st.session_state["true"], st.session_state["said"] = points[0]["customdata"]


def _choose_first(matrix: Confusion) -> None:
    """Before anything is chosen, the most frequent confusion is."""
    names = matrix.classes.names
    wrong = matrix.counts - np.diag(matrix.counts.diagonal())
    cell = np.unravel_index(int(wrong.argmax()), wrong.shape)
    for key, place in zip(("true", "said"), cell, strict=True):
        if (st.session_state.get(key) or st.query_params.get(key)) not in names:
            st.session_state[key] = names[place]


def _cell() -> tuple[str, str]:
    """(annotated, predicted) as chosen."""
    true, said = (st.session_state.get(key) or st.query_params[key] for key in ("true", "said"))
    return true, said


def _show_cell(found: Evaluated, matrix: Confusion) -> None:
    names = list(matrix.classes.names)
    first, second = st.columns(2)
    # Without a default of their own both always stand in the address, so that a link shows the same faces.
    true = str(first.selectbox("Annotated", names, index=None, key="true", bind="query-params"))
    said = str(second.selectbox("Predicted", names, index=None, key="said", bind="query-params"))
    places = matrix.rows(true, said)
    st.markdown(f"**{len(places):,}** of {plural(int(matrix.counts[names.index(true)].sum()), 'sample')} of {true}")
    if not len(places):
        st.caption(f"No sample of {true} is taken for {said}.")
        return
    show_faces(found, places, f"cell {true} {said}")
    st.caption("The most confident ones come first.")


def _class_rows(matrix: Confusion) -> list[dict[str, Any]]:
    return [
        {
            "class": c.name,
            "n": c.n,
            "predicted": c.predicted,
            "recall": Interval(c.recall, *c.recall_interval),
            "precision": Interval(c.precision, *c.precision_interval),
            "F1": Interval(c.f1, *c.f1_interval),
        }
        for c in class_figures(matrix.counts, matrix.classes)
    ]
