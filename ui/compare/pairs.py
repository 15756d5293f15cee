"""Pairs: is one model really better than another, in which classes, and on which faces do they disagree?"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import streamlit as st

from fer_core.evaluate.compare import Bootstrap, Pair, compare, disagreements
from fer_core.evaluate.compare.pairs import Kind
from fer_core.evaluate.predictions import Predictions
from ui.compare.entries import Entry, offer_missing
from ui.evaluation.faces import said, show_faces
from ui.evaluation.kept import Answered, Where, answered
from ui.evaluation.tables import show_table
from ui.wording import plural

_LEVEL = 0.05
_NAMES = {
    "accuracy": "top-1",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "log_loss": "log-loss",
    "ece": "ECE",
}


def show_pairs(where: Where, found: dict[str, Entry]) -> None:
    """The view."""
    names = list(found)
    if len(names) < 2:
        st.info("Two models or more are needed; pick another one above, or let it be evaluated.")
        offer_missing(where, found)
        return
    pairs, _ = compared(tuple(entry.predictions for entry in found.values()))
    places = list(itertools.combinations(range(len(names)), 2))
    chosen = 0
    if len(pairs) > 1:
        show_table([_row(pair) for pair in pairs], "pairs", points=("top-1, points",))
        label = [f"{pair.first} against {pair.second}" for pair in pairs]
        chosen = int(st.selectbox("Pair", range(len(pairs)), format_func=label.__getitem__, key="pair"))
    pair = pairs[chosen]
    st.markdown(_verdict(pair, len(pairs)))
    _show_differences(pair)
    first, second = (found[names[i]] for i in places[chosen])
    _show_faces(where, first, second)


@functools.lru_cache(maxsize=8)
def compared(tables: tuple[Predictions, ...]) -> tuple[list[Pair], Bootstrap]:
    """Every pair, once for each choice of models."""
    return compare(tables)


def _verdict(pair: Pair, many: int) -> str:
    """One sentence that says whether the difference is more than chance."""
    difference, test = pair.differences["accuracy"], pair.test
    points = (
        f"{100 * difference.value:+.2f} points of top-1 [{100 * difference.low:+.2f}, {100 * difference.high:+.2f}]"
    )
    counted = (
        f"{pair.first} alone is right on {test.only_first:,}, {pair.second} alone on {test.only_second:,} of "
        f"{plural(pair.n, 'sample')}; exact McNemar p = {_p(test.p)}"
    )
    counted += f", Holm over {many} pairs {_p(pair.p_holm)}" if many > 1 else ""
    if math.isnan(pair.p_holm) or pair.p_holm >= _LEVEL:
        return f"**The difference may be chance**: {points}. {counted}."
    better = pair.first if test.only_first > test.only_second else pair.second
    return f"**{better} is better**: {points}, {pair.first} less {pair.second}. {counted}."


def _p(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{value:.2g}" if value >= 1e-4 else "below 0.0001"


def _row(pair: Pair) -> dict[str, Any]:
    return {
        "first": pair.first,
        "second": pair.second,
        "n": pair.n,
        "top-1, points": pair.differences["accuracy"],
        "only first right": pair.test.only_first,
        "only second right": pair.test.only_second,
        "McNemar p": _p(pair.test.p),
        "Holm": _p(pair.p_holm),
    }


def _show_differences(pair: Pair) -> None:
    from fer_core.plots.compare import difference_forest

    left, right = st.columns([1, 1], gap="large")
    left.plotly_chart(
        difference_forest(pair), key="forest", config={"displaylogo": False},
        alt=f"Differences of {pair.first} less {pair.second} with intervals",
    )  # fmt: skip
    left.caption("Filled where the corrected p is below 0.05. 95 % intervals: BCa of 2,000 paired bootstrap draws.")
    with right:
        others = [{"figure": _NAMES[n], "difference": d, "p": _p(d.p)} for n, d in pair.differences.items()]
        show_table(others, "figure differences")
    rows = [
        {
            "class": c.name,
            "n": c.n,
            "recall, points": c.difference,
            "only first": c.test.only_first,
            "only second": c.test.only_second,
            "p": _p(c.test.p),
            "Holm": _p(c.p_holm),
        }
        for c in pair.classes
    ]
    show_table(rows, "class differences", points=("recall, points",))


def _show_faces(where: Where, first: Entry, second: Entry) -> None:
    st.subheader("Where they disagree")
    kinds = disagreements(first.predictions, second.predictions)
    words: dict[Kind, str] = {
        "only_first": f"only {first.name} right",
        "only_second": f"only {second.name} right",
        "both_wrong_differently": "both wrong, differently",
        "both_wrong_alike": "both wrong, alike",
    }
    kind = st.segmented_control(
        "Faces", list(words), default="only_first", required=True, key="disagreement", bind="query-params",
        format_func=lambda k: f"{words[k]} ({len(kinds[k]):,})",
    )  # fmt: skip
    if not len(kinds[kind]):
        st.caption("There is none.")
        return
    mine = answered(where, first.predictions)
    theirs = _said_by(second, first.predictions)
    show_faces(mine, kinds[kind], f"disagreement {kind} {first.name} {second.name}", _note(mine, theirs))


def _said_by(other: Entry, order: Predictions) -> Predictions:
    """What the other model says, in the order of the first."""
    from fer_core.evaluate.compare import aligned

    return aligned([order, other.predictions])[1]


def _note(mine: Answered, theirs: Predictions) -> Any:
    names = theirs.classes.names

    def note(place: int) -> str:
        mark = "✓" if theirs.right[place] else f"→ {names[theirs.predicted[place]]}"
        return f"{said(mine, place)} | {mark} {theirs.confidence[place]:.0%}"

    return note
