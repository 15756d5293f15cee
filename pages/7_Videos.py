"""Videos: what does the classifier say of each face of a video, from frame to frame, or of a folder of pictures?"""

from __future__ import annotations

import streamlit as st

from ui.page import open_page, sentences
from ui.wording import WHAT_IT_IS

picked = open_page(
    "Videos", "What does the classifier say of each face of a video, from frame to frame, or of a folder of pictures?"
)
if picked.checkpoint is None:
    st.stop()
checkpoint = picked.checkpoint

from ui.tasks import show_tasks  # noqa: E402  (the head of the page is drawn before what follows is loaded)
from ui.videos import KEPT_DAYS, SUBJECT, ask, show_results  # noqa: E402

st.markdown(
    f"An upload is deleted as soon as it has been read. What comes of it stays on this machine for {KEPT_DAYS} days, "
    f"where whoever opens this page can see it, or until you delete it. {WHAT_IT_IS}"
)
if st.checkbox("Everybody in these pictures agrees to this.", key="agreed_pictures"):
    with sentences():
        ask(checkpoint)
else:
    st.caption("Tick the sentence above to analyse a video or pictures.")
show_tasks(SUBJECT)
st.subheader("Results")
show_results()
