"""The headline figures of the samples that are looked at, and the gap to those that were trained on."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from fer_core.checkpoint import list_checkpoints
from fer_core.data.query import Filters
from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.report import figures, html_report, model_card, worst_errors
from fer_core.evaluate.significance import difference_interval
from ui.evaluation.asking import offer_evaluation
from ui.evaluation.kept import Evaluated
from ui.evaluation.once import once
from ui.evaluation.tables import cell

_RATES = ("top-1", "balanced accuracy")


def show_head(found: Evaluated, whole: Evaluated) -> None:
    """Figures with n and bounds; `whole` is what there is without filters."""
    n, every = len(found.predictions), len(whole.predictions)
    name = found.where.split if n == every else f"{found.where.split}, {n:,} of {every:,}"
    rows = {name: found.predictions}
    apart = once(found.predictions, "without twins", found.predictions.without_twins)
    if apart is not None and len(apart) < n:
        rows[f"without {n - len(apart):,} twins"] = apart
    train = None if found.where.split == "train" else replace(found.where, split="train").predictions(found.card)
    if train is not None:
        rows["train"] = train
    lines = ["| | n | top-1 | balanced accuracy | macro-F1 | log-loss | ECE |", "|---|--:|--:|--:|--:|--:|--:|"]
    lines += [f"| {name} | {len(table):,} | {' | '.join(_cells(table))} |" for name, table in rows.items()]
    st.markdown("\n".join(lines))
    with st.container(horizontal=True, vertical_alignment="center"):
        _tell_gap(found, train)
        _offer_report(found)


def _cells(predictions: Predictions) -> list[str]:
    found = once(predictions, "figures", lambda: figures(predictions))
    return [_whole(str(cell(value, as_rate=name in _RATES))) for name, value in found.items()]


def _whole(text: str) -> str:
    """A figure that, where it is too long for a line, goes on with its interval in the next one."""
    return text.replace(" ", "\u00a0").replace("\u00a0[", " [")


def _tell_gap(found: Evaluated, train: Predictions | None) -> None:
    if found.where.split == "train":
        st.caption("The model may know these samples by heart; how well it does on new ones, other splits tell.")
    elif train is not None:
        there, here = ((int(table.right.sum()), len(table)) for table in (train, found.predictions))
        gap = there[0] / there[1] - here[0] / here[1]
        low, high = difference_interval(there, here)
        st.markdown(f"Gap to train: **{100 * gap:+.1f}** [{100 * low:+.1f}, {100 * high:+.1f}] points of top-1")
    elif found.where.shown.catalogue().count(Filters(among={"split": ("train",)})):
        own = [c for c in list_checkpoints() if c.card.weights_sha256 == found.card.weights_sha256]
        st.caption("How far the model is over-fitted, its answers on the train split tell.", width="content")
        if own:
            offer_evaluation(replace(found.where, split="train"), own[0], "Evaluate on train")


def _offer_report(found: Evaluated) -> None:
    """The page about these predictions, and the model card, to take home."""
    card, predictions = found.card, found.predictions
    shown = found.where.shown
    faces = st.toggle(
        "Faces in the report", key="report faces",
        help="The most confident errors, as pictures. Only where the data's licence allows to pass them on: FER2013, "
        "AffectNet and RAF-DB are given for research alone.",
    )  # fmt: skip

    def page() -> str:
        every = shown.data_set.samples(shown.version.number) if faces else None
        return html_report(card, predictions, worst_errors(every, predictions) if every else ())

    st.download_button(
        "Report", page, f"{card.name}-{found.where.split}.html", "text/html",
        icon=":material/download:", on_click="ignore", help="One HTML file",
    )  # fmt: skip
    st.download_button(
        "Model card", lambda: model_card(card, predictions), "README.md", "text/markdown",
        icon=":material/download:", on_click="ignore", help="README.md as Hugging Face shows it",
    )  # fmt: skip
