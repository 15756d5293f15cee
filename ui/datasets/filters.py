"""The filters of the Datasets page: widgets in, `Filters` out. All of them live in the address."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, cast

import streamlit as st

from fer_core.data.query import NUMBERS, OF_ANSWERS, Catalogue, Filters
from ui.datasets.shown import Shown

NO_LABEL = "unlabelled"
_NAMED = {"label": "Class", "split": "Split", "source": "Source", "subject_id": "Subject", "pose": "Pose"}
_OUTCOMES = ("any", "right", "wrong")
_MANY_SUBJECTS = 2000


def ask_for_filters(shown: Shown) -> Filters:
    """Draws the filters and returns what they say."""
    filters = ask_about_samples(shown)
    with st.expander("Prediction", icon=":material/psychology:"):
        return _by_answers(shown, shown.catalogue(), filters)


def ask_about_samples(shown: Shown, columns: tuple[str, ...] = tuple(_NAMED)) -> Filters:
    """The filters that need no checkpoint; of the columns label, split, source, subject_id and pose only some."""
    catalogue = shown.catalogue()
    among: dict[str, tuple[str | None, ...]] = {}
    everything = Filters()
    for column in columns:
        name = _NAMED[column]
        there = [row[column] for row in catalogue.counts(everything, column)]
        if column == "label":
            there = [c for c in shown.classes if c in there] + [None] * (None in there)
        if len(there) > 1 and len(there) <= _MANY_SUBJECTS:
            among[column] = _choose(name, there, column)
    rows = _by_tag_and_text(shown)
    between: dict[str, tuple[float, float]] = {}
    with st.expander("Picture and votes", icon=":material/tune:"):
        for column in NUMBERS:
            if column not in OF_ANSWERS:
                between |= _bounds(shown, catalogue, column)
    return Filters(among=among, between=between, rows=rows)


def _choose(name: str, there: list[str | None], key: str) -> tuple[str | None, ...]:
    options = [NO_LABEL if value is None else value for value in there]
    chosen = st.multiselect(name, options, key=f"filter {key}", placeholder="all", bind="query-params")
    return tuple(None if value == NO_LABEL else value for value in chosen)


def _bounds(shown: Shown, catalogue: Catalogue, column: str) -> dict[str, tuple[float, float]]:
    """What a slider allows, where it has been moved; no slider where all samples are alike."""
    span = catalogue.span(column)
    if span is None or span[1] - span[0] < 1e-6:
        return {}
    low, high = span
    step = 10.0 ** math.floor(math.log10((high - low) / 100))
    lowest, highest = _floor(low, step), _floor(high, step) + step
    chosen = st.slider(
        NUMBERS[column], lowest, highest, (lowest, highest), step, key=f"filter {column} {shown.data_set.name}"
    )
    return {} if chosen == (lowest, highest) else {column: chosen}


def _floor(value: float, step: float) -> float:
    return round(math.floor(value / step) * step, 6)


def _by_tag_and_text(shown: Shown) -> tuple[int, ...] | None:
    """The rows that tags, the map and the search leave; None for all."""
    sets: list[set[int]] = []
    tags = shown.data_set.tags()
    if tags:
        chosen = st.multiselect("Tag", list(tags), key="filter tag", placeholder="all", bind="query-params")
        if chosen:
            sets.append({row for tag in chosen for row in tags.get(tag, ())})
    text = st.text_input("Part of the sample's id", key="filter text", bind="query-params", max_chars=200).strip()
    if text:
        sets.append(set(shown.data_set.rows_with(text)))
    lasso: tuple[int, ...] | None = st.session_state.get("lasso")
    if lasso:
        st.caption(f"Only the {len(lasso):,} samples chosen on the map.")
        if st.button("Show all again", key="forget lasso"):
            del st.session_state["lasso"]
            st.rerun()
        sets.append(set(lasso))
    return tuple(sorted(set.intersection(*sets))) if sets else None


def _by_answers(shown: Shown, catalogue: Catalogue, filters: Filters) -> Filters:
    if shown.card is None:
        st.caption("Choose a checkpoint in the sidebar.")
        return filters
    if shown.answers is None:
        from ui.datasets.asking import offer_answers

        offer_answers(shown)
        return filters
    outcome = st.segmented_control(
        "Outcome", _OUTCOMES, default="any", required=True, key="filter outcome", bind="query-params",
        help=f"Whether what {shown.card.name} says is the label.",
    )  # fmt: skip
    there = [row["predicted"] for row in catalogue.counts(Filters(), "predicted")]
    predicted = _choose("Predicted class", [c for c in shown.card.classes if c in there], "predicted")
    between = {**filters.between, **_bounds(shown, catalogue, "confidence")}
    between |= _bounds(shown, catalogue, "loss")
    how = cast("Literal['any', 'right', 'wrong']", outcome if outcome in _OUTCOMES else "any")
    return replace(filters, among={**filters.among, "predicted": predicted}, between=between, outcome=how)
