"""Live: what does the classifier say of the faces before this camera, and how fast?"""

from __future__ import annotations

import streamlit as st

from ui.page import open_page, sentences
from ui.wording import WHAT_IT_IS

picked = open_page("Live", "What does the classifier say of the faces before this camera, and how fast?")
if picked.checkpoint is None:
    st.stop()
checkpoint = picked.checkpoint

st.markdown(
    "The picture goes from your browser to the machine that runs FERScope and back. Nothing of it is kept; the time "
    f"line of expressions stays in memory until you close the page, and leaves it only if you export it. {WHAT_IT_IS}"
)
agreed = st.checkbox("Everybody before the camera agrees to this.", key="agreed")


def show_page() -> None:
    """The page below its consent."""
    from fer_core.live import LiveOptions
    from ui.live import live_session, show_counters, show_record, stream
    from ui.photographs import pick_detector

    detector = pick_detector()
    with st.sidebar:
        options = LiveOptions(
            window_s=st.slider("Smoothing (seconds)", 0.0, 3.0, 0.5, 0.1, key="window"),
            threshold=st.slider("Unsure below", 0.0, 1.0, 0.4, 0.05, key="threshold"),
            mirror=st.toggle("Mirror", value=True, key="mirror"),
            bars=st.toggle("Bars", value=True, key="bars"),
        )
    with st.spinner("Loading the model", show_time=True):
        session = live_session(checkpoint, detector, options)
    playing = stream(session)
    st.fragment(show_counters, run_every=1.0 if playing else None)(session)
    st.subheader("What was seen")
    with sentences():
        show_record(session)


if agreed:
    with sentences():
        show_page()
else:
    st.info("Tick the sentence above to get the camera's START.", icon=":material/videocam:")
