"""The opening call of every page: name, question, what is picked, and errors as sentences."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import streamlit as st

from fer_core.checkpoint import Checkpoint, list_checkpoints, open_checkpoint
from fer_core.cli import percent
from fer_core.data.schema import SPLITS
from fer_core.errors import FERScopeError
from fer_core.workspace import DEFAULT_CHECKPOINT, data_set_names
from ui.signing_in import offer_sign_out, require_sign_in
from ui.telling import tell
from ui.waking import wake_worker

# In the order of the sidebar: file, name, icon.
PAGES = (
    ("app.py", "Start", ":material/home:"),
    ("pages/1_Datasets.py", "Datasets", ":material/photo_library:"),
    ("pages/2_Train.py", "Train", ":material/model_training:"),
    ("pages/3_Compare.py", "Compare", ":material/compare:"),
    ("pages/4_Errors.py", "Errors", ":material/grid_on:"),
    ("pages/5_Saliency.py", "Saliency", ":material/face_retouching_natural:"),
    ("pages/6_Live.py", "Live", ":material/videocam:"),
    ("pages/7_Videos.py", "Videos", ":material/movie:"),
)


@dataclass(frozen=True)
class Picked:
    """What stands in the sidebar, the same on every page.

    Attributes:
        checkpoint: None where none could be opened.
        data_set: name of a data set in the workspace; None where there is none yet.
        split: `train`, `validation` or `test`; None on pages that ask for none, and without a data set.
    """

    checkpoint: Checkpoint | None
    data_set: str | None
    split: str | None = None


def open_page(title: str, question: str, *, with_split: bool = False) -> Picked:
    """Draws a page's head and sidebar; the first call of every page.

    Args:
        title: name of the page.
        question: the question that the page answers, one line.
        with_split: whether the page is about one split of the data set.
    """
    st.set_page_config(page_title=f"{title} · FERScope", page_icon=":material/face:", layout="wide")
    require_sign_in()
    st.title(title)
    st.markdown(question)
    tell()
    wake_worker()
    with st.sidebar:
        for file, name, icon in PAGES:
            st.page_link(file, label=name, icon=icon)
        st.divider()
        checkpoint, data_set = _pick_checkpoint(), _pick_data_set()
        picked = Picked(checkpoint, data_set, _pick_split() if with_split and data_set else None)
        offer_sign_out()
    return picked


def _pick_checkpoint() -> Checkpoint | None:
    names = [c.folder.name for c in list_checkpoints()]
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
    checkpoint = None
    with sentences():
        checkpoint = open_checkpoint(name)
        st.caption(describe(checkpoint))
    return checkpoint


def _pick_data_set() -> str | None:
    names = data_set_names()
    if not names:
        return None
    asked = st.query_params.get("data")
    if asked is not None and asked not in names:
        st.warning(f"There is no data set “{asked[:100]}” on this machine. Showing another one; choose below.")
    return str(st.selectbox("Data set", names, key="data", bind="query-params"))


def _pick_split() -> str:
    return str(
        st.selectbox(
            "Split", SPLITS, index=SPLITS.index("validation"), key="split", bind="query-params",
            help="The test split is locked: opening it asks for a reason, and is counted.",
        )
    )  # fmt: skip


def describe(checkpoint: Checkpoint) -> str:
    """A checkpoint in one line: classes, parameters, validation accuracy with n and interval."""
    card = checkpoint.card
    line = f"{len(card.classes)} classes, {card.parameters:,} parameters"
    scores = card.metrics.get("validation")
    if scores:
        line += f"; top-1 {rate(scores['accuracy'], scores['accuracy_interval'])} on validation (n = {scores['n']:,})"
        line += ", by the labels of FER+'s majority" if card.label_source != "given" else ""
    return line + "."


def rate(value: float | None, interval: tuple[float | None, float | None] | None = None) -> str:
    """As `percent`, without a line break before the sign or within the interval."""
    return percent(value, interval).replace(" ", "\u00a0")


def ink() -> str:
    """The colour of text in the theme that is shown, for numbers within charts."""
    return "#E4E8EA" if st.context.theme.type == "dark" else "#1D2327"


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
    """Explains a blank face in the background, once per process: what is heavy is loaded while people read."""

    def load() -> None:
        try:
            from fer_core.explain import get_explainer
            from fer_core.faces import get_detector
            from fer_core.predict import get_predictor

            blank = np.zeros((64, 64, 3), np.uint8)
            get_detector().detect(blank)
            get_predictor(checkpoint).probabilities([blank])
            get_explainer(checkpoint).explain(blank)
        except (FERScopeError, ModuleNotFoundError):
            return  # the page that needs it asks again and shows the sentence

    # Plotly takes pandas from `sys.modules` as it is, be it half imported: so it is not left to the thread.
    import pandas  # noqa: F401, ICN001

    thread = threading.Thread(target=load, name="warm-up", daemon=True)
    thread.start()
    return thread
