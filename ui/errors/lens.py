"""One class under the lens: where it goes, what comes in, its hardest faces, what would mend it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from fer_core.evaluate.compare.bootstrap import Interval
from fer_core.evaluate.errors import (
    Lens,
    Remedied,
    class_figures,
    column,
    confusion,
    corrected_for_priors,
    lens,
    with_threshold,
)
from fer_core.evaluate.errors.lens import Flow
from fer_core.evaluate.errors.remedies import Figures
from ui.errors.learning import show_learning
from ui.evaluation.faces import said, show_faces
from ui.evaluation.kept import Evaluated
from ui.evaluation.once import once
from ui.evaluation.tables import show_table
from ui.page import rate, sentences
from ui.wording import plural

RARE_FIRST = ("disgust", "fear")
_KINDS = {"hardest": "Hardest", "missed": "Missed, most confident", "false_alarms": "False alarms, most confident"}


def show_class(found: Evaluated) -> None:
    """The view."""
    names = found.predictions.classes.names
    order = [n for n in RARE_FIRST if n in names] + [n for n in names if n not in RARE_FIRST]
    name = st.segmented_control("Class", order, default=order[0], required=True, key="class", bind="query-params")
    name = str(name)
    seen = once(found.predictions, ("lens", name), lambda: lens(found.predictions, name))
    if not seen.n:
        st.info(f"No sample here is annotated as {name}; n = 0, so that nothing is known of it.")
        return
    _show_flows(seen)
    explained = once(found.predictions, ("column", name), lambda: column(found.predictions, name))
    st.markdown(explained.as_text().replace(" %", "\u00a0%"))
    st.caption(
        "What the weight leaves over is not the prior's doing: the network ranks other faces before these. It is "
        "fitted on these very samples; the remedies below are not."
    )
    _show_gallery(found, seen)
    _show_curve(found, seen)
    _show_remedies(found, name)
    show_learning(found, name)


def _show_flows(seen: Lens) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**Where {plural(seen.n, 'sample')} of {seen.name} go**")
        st.markdown(_flows(seen.goes, "taken for"))
    with right:
        said_of = sum(flow.n for flow in seen.comes)
        if said_of:
            st.markdown(f"**What the {plural(said_of, 'sample')} taken for {seen.name} are**")
            st.markdown(_flows(seen.comes, "annotated"))
        else:
            st.markdown(f"**No sample is taken for {seen.name}**")


def _flows(flows: Sequence[Flow], head: str) -> str:
    lines = [f"| {head} | n | share |", "|---|--:|--:|"]
    lines += [f"| {f.name} | {f.n:,} | {rate(f.share, f.interval)} |" for f in flows if f.n]
    return "\n".join(lines)


def _show_gallery(found: Evaluated, seen: Lens) -> None:
    kind = str(
        st.segmented_control(
            "Faces", list(_KINDS), default="hardest", required=True, format_func=_KINDS.__getitem__, key="kind",
            bind="query-params",
        )
    )  # fmt: skip
    places = getattr(seen, kind)
    if not len(places):
        st.caption("There is none.")
        return
    column = found.predictions.classes.index(seen.name)

    def note(place: int) -> str:
        return f"{said(found, place)}, {seen.name} {found.predictions.probabilities[place, column]:.0%}"

    show_faces(found, places, f"{kind} {seen.name}", note if kind != "false_alarms" else None)


def _show_curve(found: Evaluated, seen: Lens) -> None:
    from fer_core.plots.lens import precision_recall_curves

    matrix = confusion(found.predictions)
    now = {c.name: (c.recall, c.precision) for c in class_figures(matrix.counts, matrix.classes, draws=1)}
    st.subheader("Precision and recall at every threshold")
    st.plotly_chart(
        precision_recall_curves({seen.name: seen.curve}, matrix.classes.names, {seen.name: now[seen.name]}),
        key="curve", config={"displaylogo": False}, alt=f"Precision against recall of {seen.name}",
    )  # fmt: skip
    said_ever = not math.isnan(now[seen.name][1])
    st.caption(
        "The cross is the model as it is: the most probable class is said."
        if said_ever
        else f"As it is, the model never says {seen.name}: its recall is 0, and it has no precision."
    )


def _show_remedies(found: Evaluated, name: str) -> None:
    """What a threshold or other priors would buy, each half of the samples decided by the other half."""
    st.subheader("What a remedy would buy, without training again")
    predictions = found.predictions
    ways: dict[str, Callable[[], Remedied]] = {
        "best F1": lambda: with_threshold(predictions, name, "f1"),
        "best mean recall": lambda: with_threshold(predictions, name, "balanced_accuracy"),
        "equal priors": lambda: _equal_priors(found),
    }
    place = predictions.classes.index(name)
    rows: list[dict[str, Any]] = []
    for words, way in ways.items():
        with sentences():
            remedy = once(predictions, (words, name), way)
            if not rows:
                rows.append(_row("as it is", remedy.before, place))
            rows.append(_row(words, remedy.after, place))
    if rows:
        show_table(rows, "remedies", rates=tuple(rows[0])[1:])
    if found.where.split == "test":
        st.warning("A threshold that is chosen here is chosen on test; choose it on validation.")
    st.caption(
        "Best F1 and best mean recall: the class is said from a threshold on that makes them highest. Equal priors: "
        "the probabilities are divided by the classes' shares among the training samples (Saerens et al. 2002). Each "
        "half of the samples is decided by what was fitted on the other half, so that the figures flatter nobody."
    )


def _row(words: str, figures: Figures, place: int) -> dict[str, Any]:
    of = figures.classes[place]
    return {
        "decided by": words,
        f"recall of {of.name}": Interval(of.recall, *of.recall_interval),
        f"precision of {of.name}": Interval(of.precision, *of.precision_interval),
        "top-1": Interval(figures.accuracy, *figures.accuracy_interval),
        "mean recall": Interval(figures.balanced_accuracy, *figures.balanced_accuracy_interval),
    }


def _equal_priors(found: Evaluated) -> Remedied:
    from fer_core.evaluate.columns import class_shares

    names = found.predictions.classes.names
    where = found.where
    shares = class_shares(where.shown.data_set, names, "train", where.shown.version.number, where.truth)
    return corrected_for_priors(found.predictions, shares, np.ones(len(names)))
