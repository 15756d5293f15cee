"""The opening call of every page: name, question, what is picked, and errors as sentences."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from fer_core.checkpoint import Checkpoint, list_checkpoints, open_checkpoint
from fer_core.cli import percent
from fer_core.errors import FERScopeError

DEFAULT_CHECKPOINT = "compact"


@dataclass(frozen=True)
class Picked:
    """What stands in the sidebar, the same on every page; `checkpoint` is None where none could be opened."""

    checkpoint: Checkpoint | None


def open_page(title: str, question: str) -> Picked:
    """Draws a page's head and sidebar; the first call of every page.

    Args:
        title: name of the page.
        question: the question that the page answers, one line.
    """
    st.set_page_config(page_title=f"{title} · FERScope", page_icon=":material/face:", layout="wide")
    st.title(title)
    st.markdown(question)
    with st.sidebar:
        return Picked(_pick_checkpoint())


def _pick_checkpoint() -> Checkpoint | None:
    names = [c.card.name for c in list_checkpoints()]
    if not names:
        st.warning(
            "No checkpoint is here. Restore the folder `checkpoints/` of the repository, or train one with "
            "`python -m training fit compact --data PATH`."
        )
        return None
    asked = st.query_params.get("checkpoint")
    if asked is not None and asked not in names:
        st.warning(f"There is no checkpoint “{asked[:100]}” on this machine. Showing another one; choose below.")
    first = names.index(DEFAULT_CHECKPOINT) if DEFAULT_CHECKPOINT in names else 0
    name = st.selectbox("Checkpoint", names, index=first, key="checkpoint", bind="query-params")
    with sentences():
        checkpoint = open_checkpoint(name)
        st.caption(describe(checkpoint))
        return checkpoint
    return None


def describe(checkpoint: Checkpoint) -> str:
    """A checkpoint in one line: classes, parameters, validation accuracy with n and interval."""
    card = checkpoint.card
    line = f"{len(card.classes)} classes, {card.parameters:,} parameters"
    scores = card.metrics.get("validation")
    if scores:
        line += f"; top-1 {percent(scores['accuracy'], scores['accuracy_interval'])} on validation (n = {scores['n']:,})"
    return line + "."


@contextmanager
def sentences() -> Iterator[None]:
    """Shows what a user can mend as a sentence; what follows on the page goes on."""
    try:
        yield
    except FERScopeError as error:
        st.error(str(error), icon=":material/error:")
    except ModuleNotFoundError as error:
        st.error(
            f"The package {error.name} is missing on this machine. Install what FERScope needs with "
            "`pip install -r requirements.txt`, then reload the page.",
            icon=":material/error:",
        )


@st.cache_resource(show_spinner=False)
def warm_up(checkpoint: str) -> threading.Thread:
    """Loads torch and the checkpoint in the background, once per process, while the user reads the page."""

    def load() -> None:
        from fer_core.faces import get_detector  # noqa: PLC0415  (heavy; that is the point)
        from fer_core.predict import get_predictor  # noqa: PLC0415

        try:
            get_predictor(checkpoint)
            get_detector()
        except (FERScopeError, ModuleNotFoundError):
            return  # the page that needs it asks again and shows the sentence

    thread = threading.Thread(target=load, name="warm-up", daemon=True)
    thread.start()
    return thread
