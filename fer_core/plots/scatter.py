"""Samples on a plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fer_core.labels import colour

_OTHER = {
    "train": "#0072B2", "validation": "#E69F00", "test": "#009E73", "right": "#8C8C8C", "wrong": "#D55E00",
    "none": "#BFBFBF",
}  # fmt: skip


def class_scatter(
    places: NDArray[np.float32], rows: NDArray[np.int64], values: Sequence[str | None], classes: Sequence[str]
) -> go.Figure:
    """One dot per sample, drawn by WebGL; the rows travel as `customdata`.

    Args:
        places: (N, 2).
        rows: (N,).
        values: N classes, splits or outcomes, which give the colours and the legend; None is drawn as `none`.
        classes: in order; decides colours and the order of the legend. Other classes among the values come after them.
    """
    given = np.array([value or "none" for value in values])
    there = set(given.tolist())
    every = (*classes, *sorted(there - {*classes, *_OTHER}))
    size_px = 4 if len(rows) > 5000 else 7
    figure = go.Figure()
    for name in dict.fromkeys(name for name in (*every, *_OTHER) if name in there):
        of = given == name
        figure.add_scattergl(
            x=places[of, 0],
            y=places[of, 1],
            mode="markers",
            name=f"{name} ({int(of.sum()):,})",
            customdata=rows[of, None].tolist(),  # as an array it would come back as an object
            marker={"size": size_px, "opacity": 0.6, "color": _OTHER.get(name) or colour(name, every)},
            hovertemplate=f"{name}, sample %{{customdata[0]}}<extra></extra>",
        )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    figure.update_layout(
        height=620, margin={"l": 0, "r": 0, "t": 0, "b": 0}, dragmode="lasso", legend={"itemsizing": "constant"}
    )
    return figure
