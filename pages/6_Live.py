"""Live: what does the classifier say of the faces before this camera, and how fast?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.page import open_page, sentences
from ui.wording import WHAT_IT_IS

if TYPE_CHECKING:
    from fer_core.live import LiveOptions

picked = open_page("Live", "What does the classifier say of the faces before this camera, and how fast?")
if picked.checkpoint is None:
    st.stop()
checkpoint = picked.checkpoint

CAMERA, STILL = "Camera", "Still picture"

st.markdown(
    "This page is for judging a classifier, never a person, and no decision about one may rest on it. "
    "The picture goes from your browser to the machine that runs FERScope and back. Nothing of it is kept; the time "
    f"line of expressions stays in memory until you close the page, and leaves it only if you export it. {WHAT_IT_IS}"
)
agreed = st.checkbox("Everybody before the camera agrees to this.", key="agreed")


def show_page() -> None:
    """The page below its consent."""
    from fer_core.live import LiveOptions
    from ui.photographs import pick_detector

    source = st.segmented_control(
        "Picture from", (CAMERA, STILL), default=CAMERA, required=True, key="picture", bind="query-params"
    )
    st.page_link("pages/7_Videos.py", label="A video file: the Videos page", icon=":material/movie:")
    detector = pick_detector()
    with st.sidebar:
        options = LiveOptions(
            window_s=st.slider("Smoothing (seconds)", 0.0, 3.0, 0.3, 0.1, key="window"),
            threshold=st.slider("Unsure below", 0.0, 1.0, 0.4, 0.05, key="threshold"),
            mirror=st.toggle("Mirror", value=True, key="mirror"),
            bars=st.toggle("Bars", value=True, key="bars"),
        )
    if source == STILL:
        from ui.live.still import show_still

        show_still(checkpoint, detector, options)
    else:
        show_camera(detector, options)


def show_camera(detector: str, options: LiveOptions) -> None:
    """The live picture with its counters and its summary."""
    from ui.live.counters import show_counters
    from ui.live.record import show_record
    from ui.live.stream import live_session, stream

    maps = st.sidebar.toggle(
        "Saliency map", value=False, key="maps",
        help="Grad-CAM of the largest face, as often as a quarter of the models' time allows.",
    )  # fmt: skip
    with st.spinner("Loading the model", show_time=True):
        session = live_session(checkpoint, detector, options, maps=maps)
    context = stream(session)
    playing = context is not None and context.state.playing
    st.fragment(show_counters, run_every=1.0 if playing else None)(session, context)
    st.subheader("What was seen")
    classes = checkpoint.card.class_set.names
    what_to_do = "START comes back once a place is free." if context is None else "Press START above."
    st.fragment(show_record, run_every=5.0 if playing else None)(session, classes, what_to_do)


if agreed:
    with sentences():
        show_page()
else:
    st.info("Tick the sentence above to get the camera's START.", icon=":material/videocam:")
