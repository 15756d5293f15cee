"""Balance: how many of each class in each split, and what the mean face of each class looks like."""

from __future__ import annotations

import numpy as np
import streamlit as st

from fer_core.data.query import Filters
from fer_core.data.thumbnails import data_uri
from ui.datasets.shown import Shown
from ui.gallery import Tile, gallery


def show_balance(shown: Shown) -> None:
    """The view."""
    from fer_core.plots.balance import class_balance

    counts = shown.catalogue().counts(Filters(), "label", "split")
    in_percent = st.toggle("Shares within each split", key="shares", bind="query-params")
    st.plotly_chart(
        class_balance(counts, shown.classes, shares=bool(in_percent)), key="balance", config={"displaylogo": False},
        alt=f"Samples of each of {len(shown.classes)} classes by split; the table below has the numbers",
    )  # fmt: skip
    table = [
        {"class": name, **{row["split"]: row["n"] for row in counts if row["label"] == name}} for name in shown.classes
    ]
    st.dataframe(table, hide_index=True, width="content")
    st.subheader("Mean faces")
    with st.spinner("Averaging", show_time=True):
        means = _means(str(shown.data_set.folder), shown.data_set.imported_at, shown.version.number)
    tiles = [
        Tile(i, data_uri(picture), name, shown.colour(name), f"n = {n:,}", f"Mean of {n:,} faces labelled {name}")
        for i, (name, (picture, n)) in enumerate(means.items())
    ]
    gallery(tiles, "means", side=140, sharp=False)
    st.caption(
        "Each pixel averaged over at most 2,000 faces of the training split (of all splits where it has none), drawn "
        "at random, 48 x 48 pixels. What all faces of a class share is sharp; where they differ, it is blurred."
    )


@st.cache_data(show_spinner=False, max_entries=16)
def _means(folder: str, _imported_at: int, number: int) -> dict[str, tuple[np.ndarray, int]]:
    from pathlib import Path

    from fer_core.data.statistics import mean_faces
    from fer_core.data.store import DataSet

    return mean_faces(DataSet(Path(folder)), number)
