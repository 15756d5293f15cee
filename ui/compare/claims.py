"""Claims: published figures, what speaks against each, and the same check for a figure of the user's own."""

from __future__ import annotations

import math
from typing import Any, cast, get_args

import streamlit as st

from fer_core.cli import percent
from fer_core.evaluate.claims import CLAIMS, Claim, Judged, Metric, Splitting, judge
from fer_core.evaluate.compare.bootstrap import Interval
from training.reproductions import Reproduction, reproduced
from ui.evaluation.tables import show_table
from ui.page import sentences

_AUTHORS = "run by FERScope's authors, weights not shipped"
_MARKS = {
    "cannot stand": ":red-badge[cannot stand]",
    "to be doubted": ":orange-badge[to be doubted]",
    "can stand": ":green-badge[can stand]",
}


def show_claims() -> None:
    """The view."""
    _ask()
    ours = reproduced(CLAIMS)
    judged = [judge(claim, *_figure(ours.get(claim))) for claim in CLAIMS]
    st.subheader("Published figures")
    show_table([_row(one, ours.get(one.claim)) for one in judged], "claims", rates=("claimed", "ours"))
    st.caption(
        "The figures are those of the works that the recipes stand for. Ours is the top-1 of the checkpoint on this "
        "machine that did best of those trained by the same recipe, or else of a run by FERScope's authors, whose "
        "weights are not shipped; what was changed about the recipe stands below."
    )
    for one in judged:
        with st.expander(f"{_MARKS[one.verdict]} {one.claim.source}, {one.claim.split}: {one.claim.value:.1%}"):
            _show_doubts(one)
            _show_ours(ours.get(one.claim), one.claim)


def _row(one: Judged, mine: Reproduction | None) -> dict[str, Any]:
    claim = one.claim
    return {
        "source": claim.source,
        "data": claim.data,
        "split": claim.split,
        "n": claim.n,
        "claimed": Interval(claim.value, *one.interval),
        "ours": Interval(mine.accuracy, *mine.interval) if mine else math.nan,
        "verdict": one.verdict,
        "because of": ", ".join(doubt.name for doubt in one.doubts) or "nothing found",
        "by": _by(mine) if mine else "",
        "recipe": _recipe(claim),
    }


def _by(mine: Reproduction) -> str:
    return mine.trained.name if mine.trained.here else _AUTHORS


def _recipe(claim: Claim) -> str:
    return " ".join([claim.recipe, *(f"--set '{change}'" for change in claim.settings)])


def _figure(mine: Reproduction | None) -> tuple[float | None, int | None]:
    """Top-1 and n of our reproduction of a claim."""
    return (None, None) if mine is None else (mine.accuracy, mine.n)


def _show_ours(mine: Reproduction | None, claim: Claim) -> None:
    if not claim.recipe:
        st.caption("FERScope has no recipe of this system.")
        return
    if mine is None:
        st.caption(f"Nothing was trained by `{_recipe(claim)}` on this machine yet; the Train page does.")
        return
    trained = mine.trained
    words = f"Ours is `{trained.name}`" + ("" if trained.here else f", {_AUTHORS}")
    words += f": {percent(mine.accuracy, mine.interval)} of {mine.n:,} faces of {trained.data}. "
    words += f"By the recipe with {'; '.join(mine.changes)}." if mine.changes else "By the recipe as it stands."
    st.markdown(words)
    if not trained.here:
        st.caption(f"{trained.about}. To repeat it:")
        st.code(trained.command, language="sh", wrap_lines=True)


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
