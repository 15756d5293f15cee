"""A checkpoint's card as people read it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from fer_core.card import Card
from ui.page import rate


def show_card(card: Card) -> None:
    """What the loaded checkpoint is, what it was trained on, how good it is per class, and what it is not for."""
    st.subheader(f"Loaded: {card.name}")
    left, right = st.columns([4, 7], gap="large")
    with left:
        st.write(card.summary)
        st.markdown(_facts(card))
        if card.intended_use:
            st.markdown(f"**For** {card.intended_use}")
        if card.limits:
            st.markdown(f"**Not for** {card.limits}")
    with right:
        scores = card.metrics.get("validation")
        if not scores:
            command = f"python -m fer_core evaluate --checkpoint {card.name} --data PATH --split validation"
            st.info(f"The card holds no figures; `{command}` measures them.")
            return
        st.markdown(_figures(scores))
        st.caption(_twins(scores) + "Intervals are Wilson's, 95 %.")
        from fer_core.plots.recall import recall_dots

        recalls = scores["per_class"]
        said = ", ".join(f"{name} {figures['recall']:.0%}" for name, figures in recalls.items() if figures["n"])
        st.plotly_chart(
            recall_dots(recalls, card.class_set), key="recall", config={"displaylogo": False},
            alt=f"Recall of each class with its interval: {said}",
        )  # fmt: skip


def _facts(card: Card) -> str:
    trained, how = card.trained, card.preprocess
    facts = []
    if trained:
        facts += [
            f"- **Data** {trained.data}, {trained.n:,} training faces (hash `{trained.data_hash[:12]}`)",
            f"- **Selected by** {trained.selected_on}",
        ]
        if trained.origin():
            facts.append(f"- **Began with** {trained.origin()}")
    size = f"{how.size_px} x {how.size_px} pixels, {'grey' if how.channels == 1 else 'RGB'}"
    facts.append(f"- **Input** {size}; {card.parameters:,} parameters")
    if card.temperature_fitted_on:
        facts.append(f"- **Temperature** {card.temperature:.2f}, fitted on {card.temperature_fitted_on}")
    if card.licence:
        facts.append(f"- **Licence** {card.licence}")
    return "\n".join(facts)


def _figures(scores: dict[str, Any]) -> str:
    """The official figures, and under them those without exact twins of training faces where they were looked for."""
    rows = {"official": scores}
    if scores.get("deduplicated"):
        rows["without twins"] = scores["deduplicated"]
    lines = ["| validation | n | top-1 | balanced accuracy | macro-F1 | ECE |", "|---|--:|--:|--:|--:|--:|"]
    lines += [
        f"| {name} | {row['n']:,} | {rate(row['accuracy'], row['accuracy_interval'])} | "
        f"{rate(row['balanced_accuracy'])} | {_number(row['macro_f1'])} | {_number(row['ece'])} |"
        for name, row in rows.items()
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _twins(scores: dict[str, Any]) -> str:
    twins = scores.get("twins_in_train")
    if twins is None:
        return ""
    if not twins:
        return "No validation face has an exact twin in the train split. "
    share = rate(twins / scores["n"])
    return f"{twins:,} of the validation faces ({share}) have an exact twin in the train split and are not unseen. "
