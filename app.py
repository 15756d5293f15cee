"""The first page: what this is, what is here, and where to go."""

from __future__ import annotations

import streamlit as st

from ui.page import open_page, sentences, warm_up

picked = open_page(
    "FERScope",
    "Why does an expression classifier fail: on which faces, in which classes, because of which part of the face?",
)

st.subheader("Four things to do next")
sample, upload, data, train = st.columns(4, border=True)
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
with data:
    st.markdown("**Look through your data**")
    st.write("Duplicates across splits, wrong labels, persons in two splits: find them before anything is trained.")
    st.page_link("pages/1_Datasets.py", label="Open the data sets", icon=":material/photo_library:")
with train:
    st.markdown("**Train a recipe**")
    st.write("Published recipes and your own, a queue that outlives this page, curves, a word when a run over-fits.")
    st.page_link("pages/2_Train.py", label="Start a run", icon=":material/model_training:")

if picked.data_set:
    st.markdown(f"Data set in the sidebar: **{picked.data_set}**.")
    st.page_link("pages/1_Datasets.py", label="Browse and audit it", icon=":material/photo_library:")
    st.page_link("pages/4_Errors.py", label="See where the checkpoint fails on it", icon=":material/grid_on:")
    st.page_link("pages/3_Compare.py", label="Compare checkpoints on it", icon=":material/compare:")

if picked.checkpoint:
    from ui.card import show_card

    with sentences():
        show_card(picked.checkpoint.card)
    warm_up(str(picked.checkpoint.folder))
