"""Claims: published figures, what speaks against each, and the same check for a figure of the user's own."""

from __future__ import annotations

import math
from typing import Any, cast, get_args

import streamlit as st

from fer_core.cli import percent
from fer_core.evaluate.claims import CLAIMS, Claim, Judged, Metric, Splitting, judge
from fer_core.evaluate.compare.bootstrap import Interval
from training.reproductions import Reproduction, reproductions
from ui.evaluation.tables import show_table
from ui.page import sentences

_MARKS = {
    "cannot stand": ":red-badge[cannot stand]",
    "to be doubted": ":orange-badge[to be doubted]",
    "can stand": ":green-badge[can stand]",
}


def show_claims() -> None:
    """The view."""
    _ask()
    ours = _ours()
    judged = [judge(claim, *_figure(ours, claim)) for claim in CLAIMS]
    st.subheader("Published figures")
    show_table([_row(one, ours) for one in judged], "claims", rates=("claimed", "ours"))
    st.caption(
        "The figures are those of the works that the recipes stand for. Ours is the top-1 of the checkpoint on this "
        "machine that did best of those trained by the same recipe; what was changed about the recipe stands below."
    )
    for one in judged:
        with st.expander(f"{_MARKS[one.verdict]} {one.claim.source}, {one.claim.split}: {one.claim.value:.1%}"):
            _show_doubts(one)
            _show_ours(ours.get((one.claim.recipe, one.claim.split)), one.claim)


def _row(one: Judged, ours: dict[tuple[str, str], Reproduction]) -> dict[str, Any]:
    claim = one.claim
    mine = ours.get((claim.recipe, claim.split))
    return {
        "source": claim.source,
        "data": claim.data,
        "split": claim.split,
        "n": claim.n,
        "claimed": Interval(claim.value, *one.interval),
        "ours": _with_bounds(mine, claim.split) if mine else math.nan,
        "verdict": one.verdict,
        "because of": ", ".join(doubt.name for doubt in one.doubts) or "nothing found",
        "by": mine.checkpoint.folder.name if mine else "",
        "recipe": claim.recipe,
    }


def _ours() -> dict[tuple[str, str], Reproduction]:
    """(recipe, split) to the checkpoint of that recipe that did best there."""
    best: dict[tuple[str, str], Reproduction] = {}
    for one in reproductions({claim.recipe for claim in CLAIMS}):
        for split, scores in one.checkpoint.card.metrics.items():
            accuracy, key = scores.get("accuracy"), (one.recipe, split)
            if accuracy is not None and (key not in best or accuracy > _accuracy(best[key], split)):
                best[key] = one
    return best


def _accuracy(one: Reproduction, split: str) -> float:
    return float(one.checkpoint.card.metrics[split]["accuracy"])


def _with_bounds(one: Reproduction, split: str) -> Interval:
    scores = one.checkpoint.card.metrics[split]
    return Interval(_accuracy(one, split), *scores["accuracy_interval"])


def _figure(ours: dict[tuple[str, str], Reproduction], claim: Claim) -> tuple[float | None, int | None]:
    """Top-1 and n of our reproduction of a claim."""
    one = ours.get((claim.recipe, claim.split))
    if one is None:
        return None, None
    return _accuracy(one, claim.split), int(one.checkpoint.card.metrics[claim.split]["n"])


def _show_ours(one: Reproduction | None, claim: Claim) -> None:
    if one is None:
        st.caption(f"Nothing was trained by `{claim.recipe}` on this machine yet; the Train page does.")
        return
    trained = one.checkpoint.card.trained
    scores = one.checkpoint.card.metrics[claim.split]
    words = f"Ours is `{one.checkpoint.folder.name}`: {percent(scores['accuracy'], scores['accuracy_interval'])} of "
    words += f"{scores['n']:,} faces of {trained.data if trained else ''}. "
    words += f"By the recipe with {'; '.join(one.changes)}." if one.changes else "By the recipe as it stands."
    st.markdown(words)


def _show_doubts(one: Judged) -> None:
    for doubt in one.doubts:
        st.markdown(f"- **{doubt.name}**{' (fatal)' if doubt.fatal else ''}: {doubt.words}")
    if not one.doubts:
        st.markdown("Nothing that is checked speaks against it.")
    if one.against:
        st.markdown(one.against)


def _ask() -> None:
    """A form for a figure of a paper; the verdict stands below it."""
    with st.expander("Check a figure of a paper", icon=":material/fact_check:"), st.form("claim", border=False):
        first, second, third = st.columns(3)
        source = first.text_input("Source", "a paper", max_chars=100)
        data = second.text_input("Data", "FER2013", max_chars=100)
        split = third.selectbox("Measured on", ("test", "validation", "train"))
        value = first.number_input("Figure, %", 0.0, 100.0, 86.3, 0.1)
        classes = second.number_input("Classes", 2, 100, 7)
        n = third.number_input("Samples (0: not said)", 0, 10_000_000, 0)
        metric = first.selectbox("Called", get_args(Metric))
        recall = second.number_input("Recall beside it, %", 0.0, 100.0, None, 0.1)
        precision = third.number_input("Precision beside it, %", 0.0, 100.0, None, 0.1)
        train = first.number_input("Figure on train, %", 0.0, 100.0, None, 0.1)
        splitting = second.selectbox("Split made", get_args(Splitting), index=3)
        twins = third.number_input("Samples with a copy in training, %", 0.0, 99.0, 0.0, 0.1)
        several = st.checkbox("Several pictures of a person")
        copies = st.checkbox("Augmented copies were made before the split")
        same = st.checkbox("Chosen by the very samples of the figure")
        if st.form_submit_button("Check", icon=":material/fact_check:"):
            with sentences():
                claim = Claim(
                    source, data, value / 100, split=str(split), classes=int(classes), n=int(n) or None,
                    metric=cast("Metric", metric), recall=_share(recall), precision=_share(precision),
                    train_value=_share(train), splitting=cast("Splitting", splitting),
                    several_pictures_of_a_subject=several, copies_before_splitting=copies, chosen_on_same=same,
                    known_twins=twins / 100,
                )  # fmt: skip
                one = judge(claim)
                st.markdown(f"{_MARKS[one.verdict]} **{claim.source}**, {claim.value:.1%}")
                _show_doubts(one)


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
