"""Slices: on which kinds of pictures the model fails more often than on others, chance allowed for."""

from __future__ import annotations

import numpy as np
import streamlit as st

from fer_core.evaluate.compare.bootstrap import Interval
from fer_core.evaluate.metrics import wilson_interval
from fer_core.evaluate.slices import MINIMUM, Slice, Slices, find_slices
from ui.evaluation.faces import show_faces
from ui.evaluation.kept import Evaluated
from ui.evaluation.once import once
from ui.evaluation.tables import show_table
from ui.page import rate
from ui.wording import plural

_EVERY = "all classes"
_MOST = 15
_WORDS = {"side": "side (pixels)", "vote_entropy": "votes' entropy (bits)", "subject_id": "subject"}


def show_slices(found: Evaluated) -> None:
    """The view."""
    among = st.segmented_control(
        "Samples of", [_EVERY, *found.predictions.classes.names], default=_EVERY, required=True, key="slices of",
        bind="query-params",
    )  # fmt: skip
    if among != _EVERY:
        found = _of_class(found, str(among))
    slices = once(found.predictions, "slices", lambda: _search(found))
    share = rate(slices.error, wilson_interval(round(slices.error * slices.n), slices.n))
    if not slices.tested:
        st.info(
            f"None was searched: a slice needs {MINIMUM} samples or more, and so does its rest; of these "
            f"{plural(slices.n, 'sample')} no part that is known has as many. {share} of all are wrong.",
            icon=":material/filter_alt_off:",
        )
        return
    st.markdown(
        f"**{plural(len(slices.found), 'slice')}** of the {slices.tested:,} that have {MINIMUM} samples or more fail "
        f"more often than the rest; of all {plural(slices.n, 'sample')} {share} are wrong."
    )
    if not slices.found:
        st.caption("Nothing that is known of the samples tells where the model fails more often than chance would.")
        return
    _show_figure(slices)
    places = range(min(_MOST, len(slices.found)))
    chosen = st.selectbox("Faces of", list(places), format_func=lambda i: slices.found[i].text, key=f"slice {among}")
    wrong = slices.rows(slices.found[int(chosen)])
    wrong = wrong[~found.predictions.right[wrong]]
    wrong = wrong[np.argsort(-found.predictions.confidence[wrong], kind="stable")]
    show_faces(found, wrong, f"slice {among} {chosen}")
    show_table([_row(one) for one in slices.found], "slices", rates=("wrong", "others wrong"))
    st.caption(
        "Parts are quarters of a number, or single values; pairs of parts are searched, too, and told only where they "
        "fail more often than either part alone. p: chi-squared, or exact where few errors are expected; corrected "
        "after Benjamini and Hochberg for all slices that were tested, and told below 0.05."
    )


def _of_class(found: Evaluated, name: str) -> Evaluated:
    mine = found.predictions.labels == found.predictions.classes.index(name)
    return once(found.predictions, ("of class", name), lambda: found.take(np.flatnonzero(mine)))


def _search(found: Evaluated) -> Slices:
    columns = {_WORDS.get(name, name): values for name, values in found.columns.items()}
    return find_slices(~found.predictions.right, columns)


def _show_figure(slices: Slices) -> None:
    from fer_core.plots.lens import slice_dots

    st.plotly_chart(
        slice_dots(slices, _MOST), key="slices", config={"displaylogo": False},
        alt=f"Errors of the {min(_MOST, len(slices.found))} slices that fail most",
    )  # fmt: skip


def _row(one: Slice) -> dict[str, object]:
    return {
        "slice": one.text,
        "n": one.n,
        "wrong": Interval(one.error, *one.interval),
        "others wrong": one.rest,
        "Cohen's h": round(one.effect, 2),
        "p corrected": f"{one.p_corrected:.2g}",
    }
