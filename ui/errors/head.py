"""The headline figures of the samples that are looked at, and the gap to those that were trained on."""

from __future__ import annotations

import streamlit as st

from fer_core.evaluate.metrics import Scores
from fer_core.evaluate.predictions import Predictions
from ui.evaluation.asking import offer_evaluation
from ui.evaluation.kept import Evaluated
from ui.evaluation.once import once
from ui.page import rate


def show_head(found: Evaluated, whole: Evaluated) -> None:
    """Figures with n and bounds; `whole` is what there is without filters."""
    n, every = len(found.predictions), len(whole.predictions)
    rows = {f"{found.where.split}": scores(found.predictions)}
    if n < every:
        rows = {f"{found.where.split}, {n:,} of {every:,}": rows.popitem()[1]}
    apart = without_twins(found.predictions)
    if apart is not None and apart.n < n:
        rows[f"without {n - apart.n:,} twins"] = apart
    train = _train(found)
    if train is not None:
        rows["train"] = scores(train)
    lines = ["| | n | top-1 | balanced accuracy | macro-F1 | log-loss | ECE |", "|---|--:|--:|--:|--:|--:|--:|"]
    lines += [
        f"| {name} | {s.n:,} | {rate(s.accuracy, s.accuracy_interval)} | {rate(s.balanced_accuracy)} | "
        f"{s.macro_f1:.3f} | {s.log_loss:.3f} | {s.ece:.3f} |"
        for name, s in rows.items()
    ]
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.markdown("\n".join(lines))
    with right:
        _offer_report(found)
        _tell_gap(found, rows[next(iter(rows))], None if train is None else rows["train"])


def _train(found: Evaluated) -> Predictions | None:
    """What the checkpoint answered on the samples that it may have been trained on."""
    from ui.evaluation.kept import Where

    if found.where.split == "train":
        return None
    return Where(found.where.shown, "train").predictions(found.card)


def _tell_gap(found: Evaluated, here: Scores, train: Scores | None) -> None:
    if found.where.split == "train":
        st.caption("The model may know these samples by heart; how well it does on new ones, other splits tell.")
    elif train is not None:
        gap = 100 * (train.accuracy - here.accuracy)
        st.metric("Gap to train, points of top-1", f"{gap:+.1f}", help="Top-1 on train less top-1 here.")
    elif "train" in splits_of(found):
        from fer_core.checkpoint import list_checkpoints
        from ui.evaluation.kept import Where

        st.caption("How far the model is over-fitted, its answers on the train split tell.")
        for checkpoint in list_checkpoints():
            if checkpoint.card.weights_sha256 == found.card.weights_sha256:
                offer_evaluation(Where(found.where.shown, "train"), checkpoint, "Evaluate on train")
                break


def _offer_report(found: Evaluated) -> None:
    """The page about these predictions, and the model card, to take home."""
    from fer_core.evaluate.report import html_report, model_card

    card, predictions = found.card, found.predictions
    with st.container(horizontal=True):
        st.download_button(
            "Report", lambda: html_report(card, predictions), f"{card.name}-{found.where.split}.html", "text/html",
            icon=":material/download:", on_click="ignore", help="One HTML file, without pictures of faces",
        )  # fmt: skip
        st.download_button(
            "Model card", lambda: model_card(card, predictions), "README.md", "text/markdown",
            icon=":material/download:", on_click="ignore", help="README.md as Hugging Face shows it",
        )  # fmt: skip


def splits_of(found: Evaluated) -> set[str]:
    """The splits of the data set's version."""
    from fer_core.data.query import Filters

    return {str(row["split"]) for row in found.where.shown.catalogue().counts(Filters(), "split")}


def scores(predictions: Predictions) -> Scores:
    """All figures, once for each table."""
    return once(predictions, "scores", predictions.scores)


def without_twins(predictions: Predictions) -> Scores | None:
    """All figures without exact copies of training samples; None where those are not known."""

    def work() -> Scores | None:
        apart = predictions.without_twins()
        return None if apart is None else apart.scores()

    return once(predictions, "without twins", work)
