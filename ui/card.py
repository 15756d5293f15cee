"""A checkpoint's card as people read it."""

from __future__ import annotations

import streamlit as st

from fer_core.card import Card
from ui.page import rate


def show_card(card: Card) -> None:
    """What the loaded checkpoint is, what it was trained on, how good it is per class, and what it is not for."""
    st.subheader(f"Loaded: {card.name}")
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.write(card.summary)
        trained = card.trained
        if trained:
            st.markdown(
                f"- **Data** {trained.data}, {trained.n:,} training faces (hash `{trained.data_hash[:12]}`)\n"
                f"- **Selected by** {trained.selected_on}\n"
                f"- **Input** {card.preprocess.size_px} x {card.preprocess.size_px} pixels, "
                f"{'grey' if card.preprocess.channels == 1 else 'RGB'}; {card.parameters:,} parameters\n"
                f"- **Licence** {card.licence}"
            )
        if card.intended_use:
            st.markdown(f"**For** {card.intended_use}")
        if card.limits:
            st.markdown(f"**Not for** {card.limits}")
    with right:
        scores = card.metrics.get("validation")
        if not scores:
            st.info(f"Not measured yet; `python -m fer_core evaluate --checkpoint {card.name} --data PATH` does it.")
            return
        st.markdown(
            f"**Validation, n = {scores['n']:,}.** Top-1 {rate(scores['accuracy'], scores['accuracy_interval'])}, "
            f"balanced accuracy {rate(scores['balanced_accuracy'])}, macro-F1 {scores['macro_f1']:.3f}, "
            f"ECE {scores['ece']:.3f}. Intervals are Wilson's, 95 %."
        )
        from fer_core.plots.recall import recall_dots

        st.plotly_chart(recall_dots(scores["per_class"], card.class_set), key="recall", config={"displaylogo": False})
