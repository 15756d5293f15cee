"""Regions of one face: how each map on the page falls into brows, eyes, nose, mouth, cheeks, forehead and chin."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from fer_core.explain import SaliencyMap, get_method
from fer_core.predict import FacePrediction
from fer_core.preprocess import Preprocess
from fer_core.regions.one import detected_points, region_shares, regions_of
from fer_core.regions.resolution import together


def show_face_regions(face: FacePrediction, how: Preprocess, maps: Sequence[SaliencyMap]) -> None:
    """A table of densities by region and map.

    Args:
        face: the face that was classified.
        how: tells how it was cut out.
        maps: of this face, at least one.
    """
    masks = regions_of(face.crop, maps[0].input_hw[0], detected_points(face.face, how))
    told = {saliency.method: region_shares(saliency, masks) for saliency in maps}
    table = []
    for place, region in enumerate(next(iter(told.values()))):
        row: dict[str, object] = {"region": region.region, "part of the picture": region.area}
        for method, rows in told.items():
            row[get_method(method).title] = rows[place].density if not rows[place].reason else None
        table.append(row)
    columns = {get_method(m).title: st.column_config.NumberColumn(format="%.2f", help="1 is an even map") for m in told}
    columns["part of the picture"] = st.column_config.NumberColumn(format="percent")
    st.dataframe(table, hide_index=True, column_config=columns)
    refused = together([row.reason for rows in told.values() for row in rows if row.reason])
    st.caption(
        f"How dense a map's evidence is in a region, 1 being an even map; regions from the {masks.sources[0]}. "
        + (f"None stands where a map is too coarse. {refused}" if refused else "")
    )
