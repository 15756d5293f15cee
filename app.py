"""The first page: what this is, what is here, and where to go."""

from __future__ import annotations

import streamlit as st

from ui.page import open_page, sentences, warm_up

picked = open_page(
    "FERScope",
    "Why does an expression classifier fail: on which faces, in which classes, because of which part of the face?",
)

st.subheader("Three things to do next")
sample, upload, train = st.columns(3, border=True)
with sample:
    st.markdown("**See a prediction explained**")
    st.write("A photograph with one face, the seven probabilities, and a map of what the network looked at.")
    st.page_link(
        "pages/5_Saliency.py",
        label="Open the sample",
        icon=":material/image_search:",
        query_params={"source": "Sample"},
    )
with upload:
    st.markdown("**Try your own photographs**")
    st.write("They are read in memory on this machine, and forgotten when you close the page.")
    st.page_link("pages/5_Saliency.py", label="Upload", icon=":material/upload:", query_params={"source": "Upload"})
with train:
    st.markdown("**Train on your data**")
    st.write("FER2013 as CSV or Parquet, FER+ votes, or a folder of class folders. A run that stops goes on later.")
    st.code("python -m training fit compact --data PATH", language="bash")

if picked.checkpoint:
    from ui.card import show_card

    with sentences():
        show_card(picked.checkpoint.card)
    warm_up(str(picked.checkpoint.folder))
