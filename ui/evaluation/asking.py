"""Lets checkpoints predict a split, and opens the test split to who says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from fer_core.card import Card, LabelSource
from fer_core.checkpoint import Checkpoint
from fer_core.data.labelling import WORDS, in_words
from fer_core.data.query import Filters
from fer_core.evaluate.locked import looks, open_test
from ui.datasets.shown import Shown
from ui.evaluation.kept import Where
from ui.page import sentences
from ui.tasks import running, start_task
from ui.wording import plural

_OPENED = "test splits opened"  # in the session: (model hash, data hash) to the reason that was given


def offer_evaluation(where: Where, checkpoint: Checkpoint, label: str = "") -> None:
    """A button that lets a checkpoint predict the split in a process of its own; another label makes it a side line."""
    name, card = where.shown.data_set.name, checkpoint.card
    why = st.session_state.get(_OPENED, {}).get((card.weights_sha256, where.data_hash))
    reason = ["--why", why] if why else []
    if st.button(
        label or f"Evaluate {card.name} on {name}, {where.split}", key=f"evaluate {checkpoint.folder.name}",
        icon=":material/play_arrow:", type="secondary" if label else "primary", disabled=running(name),
    ):  # fmt: skip
        asked = ["evaluate", "--checkpoint", str(checkpoint.folder), *where.as_options(card), *reason]
        start_task(asked, f"Evaluation of {card.name} on {name}, {where.split}", name)


def ask_truth(shown: Shown, split: str, cards: Sequence[Card]) -> Where:
    """The split under the labels that are measured by; asked for where a checkpoint learnt FER+'s majority.

    Args:
        shown: the data set.
        split: of it.
        cards: of the checkpoints; the first that learnt FER+'s majority tells its classes.
    """
    learnt = [card for card in cards if card.label_source != "given"]
    if not learnt:
        return Where(shown, split)
    if not shown.data_set.vote_classes:
        st.caption(
            f"{learnt[0].name} learnt the labels of FER+'s majority. This data set has no votes: it is measured by the "
            "labels given, which are others."
        )
        return Where(shown, split)
    order: list[LabelSource] = ["ferplus-majority", "given"] if len(learnt) == len(cards) else list(WORDS)
    truth = st.segmented_control(
        "Labels", order, default=order[0], required=True, key="truth", bind="query-params",
        format_func=WORDS.__getitem__,
    )  # fmt: skip
    where = Where(shown, split, truth, learnt[0].class_set.names)
    if where.left_out:
        st.caption(in_words(where.truth, where.left_out))
    return where


def has_samples(where: Where) -> bool:
    """Whether the split has any; where it has none, it is told which ones have."""
    counts = {row["split"]: int(row["n"]) for row in where.shown.catalogue().counts(Filters(), "split")}
    if counts.get(where.split):
        return True
    name = where.shown.data_set.name
    there = " and ".join(f"{split} ({plural(n, 'sample')})" for split, n in counts.items() if split)
    st.info(
        f"{name} has no {where.split} samples. "
        + (f"It has {there}: choose one of these splits in the sidebar." if there else "Import it with its splits."),
        icon=":material/photo_library:",
    )
    return False


def is_open(where: Where, models: Mapping[str, str]) -> bool:
    """Whether the split may be looked at; where it is the test split and locked, the form that opens it is drawn.

    Args:
        where: data set and split.
        models: names by the hash of the weights.
    """
    if where.split != "test":
        return True
    kept: dict[tuple[str, str], str] = st.session_state.setdefault(_OPENED, {})
    locked = {model: name for model, name in models.items() if (model, where.data_hash) not in kept}
    if not locked:
        return True
    counted = "; ".join(
        f"{name}: {plural(len(looks(model, where.data_hash)), 'look')} so far" for model, name in locked.items()
    )
    st.warning(
        "The test split is locked, so that nothing is chosen by it. What is read off it once is a measurement; what is "
        f"read off it again and again is a validation split by another name. {counted}.",
        icon=":material/lock:",
    )
    with st.form("open test", border=False):
        why = st.text_input("Why is it opened?", max_chars=300, placeholder="final figure for the paper")
        if st.form_submit_button("Open the test split", icon=":material/lock_open:"):
            if not why.strip():
                st.error("To open it, give a reason; the look is logged with it, and counted.")
                return False
            with sentences():
                for model in locked:
                    kept[model, where.data_hash] = open_test(model, where.data_hash, why).why
                st.rerun()
    return False
