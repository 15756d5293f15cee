"""Map: samples that the checkpoint finds alike lie side by side; a lasso takes them into the gallery."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, cast

import numpy as np
import streamlit as st

from fer_core.data.answers import Projection, features_file, map_file
from fer_core.data.query import Filters
from ui.datasets.asking import offer_answers
from ui.datasets.shown import Shown
from ui.tasks import running, start_task

MOST_POINTS = 20_000
_NAMES = {"pca": "PCA", "umap": "UMAP"}


def show_map(shown: Shown) -> None:
    """The view."""
    if shown.card is None:
        st.info("Choose a checkpoint in the sidebar; its features make the map.", icon=":material/scatter_plot:")
        return
    sha256 = shown.card.weights_sha256
    if not features_file(shown.data_set, sha256).exists():
        st.info("The map is made of a checkpoint's features of every face.", icon=":material/scatter_plot:")
        offer_answers(shown)
        return
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    projection = left.segmented_control(
        "Projection", list(_NAMES), format_func=_NAMES.__getitem__, default="pca", required=True, key="projection",
        bind="query-params",
    )  # fmt: skip
    how = cast("Projection", projection)
    colour_by = right.segmented_control(
        "Colour", ("label", "predicted", "outcome", "split"), default="label", required=True, key="colour by",
        bind="query-params",
    )  # fmt: skip
    file = map_file(shown.data_set, sha256, how)
    if not file.exists():
        _offer_projection(shown, how)
        return
    _draw(shown, _places(file, file.stat().st_mtime_ns), str(colour_by))


def _offer_projection(shown: Shown, how: Projection) -> None:
    name = shown.data_set.name
    st.caption(f"No {_NAMES[how]} of these features has been made yet.")
    if shown.card is not None and st.button(f"Make it with {_NAMES[how]}", key="project", disabled=running(name)):
        arguments = ["data", "map", name, "--checkpoint", shown.card.name, "--projection", how]
        start_task(arguments, f"{_NAMES[how]} of {name}", name)


@functools.lru_cache(maxsize=4)
def _places(file: Path, _written: int) -> np.ndarray:
    places: np.ndarray = np.load(file)
    return places


def _draw(shown: Shown, places: np.ndarray, colour_by: str) -> None:
    from fer_core.plots.scatter import class_scatter

    found = shown.catalogue().page(Filters(), limit=shown.version.n).select(["row", "label", "split", "predicted"])
    rows = np.array(found["row"])
    taken = np.sort(np.random.default_rng(0).permutation(len(rows))[:MOST_POINTS])
    cells = {name: [found[name][int(i)].as_py() for i in taken] for name in ("label", "split", "predicted")}
    cells["outcome"] = ["right" if a == b else "wrong" for a, b in zip(cells["label"], cells["predicted"], strict=True)]
    some = "" if len(taken) == len(rows) else f"{len(taken):,} of {len(rows):,} samples, drawn at random. "
    st.caption(f"{some}Draw a lasso or a box around points to see their faces in the gallery.")
    chosen = st.plotly_chart(
        class_scatter(places[rows[taken]], rows[taken], cells[colour_by], shown.classes),
        key="map", on_select="rerun", selection_mode=("lasso", "box"),
        config={"displaylogo": False, "scrollZoom": True},
        alt=f"Map of {len(taken):,} samples, coloured by {colour_by}",
    )  # fmt: skip
    picked = _picked(chosen)
    if picked:
        st.session_state["lasso"] = picked
        _show_picked(shown, picked)


def _picked(chosen: Any) -> tuple[int, ...]:
    """The rows of the chosen points."""
    return tuple(sorted({int(point["customdata"][0]) for point in chosen["selection"]["points"]}))


def _show_picked(shown: Shown, picked: tuple[int, ...]) -> None:
    from ui.datasets.browse import tiles_of
    from ui.datasets.sheet import show_sheet
    from ui.gallery import gallery

    st.markdown(f"**{len(picked):,}** samples chosen; the view Browse shows and filters them all.")
    found = shown.catalogue().page(Filters(rows=picked), limit=36)
    clicked = gallery(tiles_of(shown, found.to_pylist()), "picked faces")
    if clicked is not None and clicked in picked:
        show_sheet(shown, clicked)
