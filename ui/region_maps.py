"""Maps over single faces of a report, made when they are looked at: a report keeps shares, not maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from fer_core.data.table import SampleTable
from fer_core.data.thumbnails import data_uri
from fer_core.explain import get_explainer, get_method, overlay, resize_map
from fer_core.regions.kept import Kept
from ui.datasets.shown import Shown

_SIDE_PX = 144
_CHEAP = 2  # forward passes a face: a dozen of maps in less than a second


def cheap(report: Kept) -> bool:
    """Whether maps of the report's method are there at once."""
    return get_method(report.told["method"]).passes(1)[0] <= _CHEAP


def map_pictures(report: Kept, faces: Mapping[str, NDArray[Any]], chosen: Sequence[int], shown: Shown) -> list[str]:
    """Addresses of pictures: each chosen face under its map for the predicted class, drawn on the map's own scale.

    Raises:
        CheckpointError: the report's checkpoint is not on this machine any more.
        ImageError: a picture cannot be read.
    """
    told = report.told
    ids = [str(faces["sample_ids"][i]) for i in chosen]
    targets = [str(faces["classes"][faces["predicted"][i]]) for i in chosen]
    made = (str(report.folder), (report.folder / "report.json").stat().st_mtime_ns)
    with st.spinner("Explaining", show_time=True):
        return _made(made, tuple(ids), tuple(targets), told["checkpoint"], (told["method"], told["layer"]), shown)


@st.cache_data(show_spinner=False, max_entries=32)
def _made(
    report: tuple[str, int],  # noqa: ARG001  (another report on the same faces is another answer)
    ids: tuple[str, ...],
    targets: tuple[str, ...],
    checkpoint: str,
    how: tuple[str, str],
    _shown: Shown,
) -> list[str]:
    data_set = _shown.data_set
    crops = [_face(data_set, row) for row in data_set.rows_of(list(ids))]
    method, layer = how
    maps = get_explainer(checkpoint).explain_faces(crops, list(targets), method=method, layer=layer).raw
    pictures = []
    for crop, raw in zip(crops, maps, strict=True):
        light = crop.astype(np.float32).mean(2) if crop.ndim == 3 else crop.astype(np.float32)
        large = resize_map(light, _SIDE_PX, _SIDE_PX).round().clip(0, 255).astype(np.uint8)
        grey = np.repeat(large[..., None], 3, 2)
        top = float(np.abs(raw).max())
        pictures.append(data_uri(overlay(grey, raw / top if top > 0 else raw)))
    return pictures


def _face(data_set: Any, row: int) -> NDArray[np.uint8]:
    return SampleTable.from_saved(data_set.cells([row]), data_set.folder).decode(0)
