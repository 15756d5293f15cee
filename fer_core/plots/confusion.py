"""Confusion matrices as heat maps whose cells can be clicked."""

from __future__ import annotations

import itertools
import math

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fer_core.labels import ClassSet

_BLUES = [[0, "rgba(0,114,178,0)"], [1, "rgba(0,114,178,1)"]]  # from the page's own background
_BOTH_WAYS = [[0, "#0072B2"], [0.5, "rgba(0,114,178,0)"], [0.5, "rgba(213,94,0,0)"], [1, "#D55E00"]]


def confusion_map(
    counts: NDArray[np.int64],
    classes: ClassSet,
    shares: NDArray[np.float64] | None = None,
    *,
    p: NDArray[np.float64] | None = None,
    chosen: tuple[str, str] | None = None,
    ink: str = "#1D2327",
) -> go.Figure:
    """One cell for each true class (row) and predicted class (column), with its number.

    A click on a heat map reaches nobody, so that a marker that can hardly be seen lies on each cell; its `customdata`
    is (true class, predicted class).

    Args:
        counts: (K, K), or their difference.
        classes: in order.
        shares: (K, K) that colour and number are taken from instead; NaN is left blank.
        p: (K, K) corrected p-values where these are differences, which are drawn both ways from nothing; cells below
            0.05 are set in bold.
        chosen: (true class, predicted class) of a cell that gets a frame.
        ink: colour of numbers on the page's own background.
    """
    subtracted = p is not None
    names, k = list(classes.names), len(classes)
    values = counts.astype(np.float64) if shares is None else shares
    most = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    scale = {"zmin": -most if subtracted else 0.0, "zmax": most or 1.0}
    figure = go.Figure(
        go.Heatmap(
            z=values, x=names, y=names, colorscale=_BOTH_WAYS if subtracted else _BLUES, showscale=False, xgap=1,
            ygap=1, hoverinfo="skip", **scale,
        )
    )  # fmt: skip
    for i, j in itertools.product(range(k), repeat=2):
        word = _cell(values[i, j], shares is not None, subtracted)
        bold = p is not None and p[i, j] < 0.05
        dark = abs(values[i, j]) > 0.55 * scale["zmax"]
        figure.add_annotation(
            x=names[j], y=names[i], text=f"<b>{word}</b>" if bold else word, showarrow=False,
            font={"color": "white" if dark else ink, "size": 14},
        )  # fmt: skip
    _add_clicks(figure, names, counts, shares, subtracted)
    if chosen is not None:
        i, j = names.index(chosen[0]), names.index(chosen[1])
        figure.add_shape(x0=j - 0.5, x1=j + 0.5, y0=i - 0.5, y1=i + 0.5, line={"color": "#E69F00", "width": 3})
    figure.update_xaxes(title="predicted", side="top", showgrid=False, tickfont={"size": 13})
    figure.update_yaxes(title="annotated", autorange="reversed", showgrid=False, tickfont={"size": 13})
    figure.update_layout(height=56 * k + 120, margin={"l": 8, "r": 8, "t": 40, "b": 8})
    return figure


def _add_clicks(
    figure: go.Figure,
    names: list[str],
    counts: NDArray[np.int64],
    shares: NDArray[np.float64] | None,
    subtracted: bool,
) -> None:
    """A marker on each cell that takes the click and says what the cell is."""
    cells = list(itertools.product(range(len(names)), repeat=2))
    figure.add_scatter(
        x=[names[j] for _, j in cells],
        y=[names[i] for i, _ in cells],
        mode="markers",
        marker={"symbol": "square", "size": 44, "opacity": 0.01, "color": "#8C8C8C"},
        customdata=[[names[i], names[j]] for i, j in cells],
        text=[_words(counts[i, j], None if shares is None else shares[i, j], subtracted) for i, j in cells],
        hovertemplate="%{customdata[0]} taken for %{customdata[1]}: %{text}<extra></extra>",
        showlegend=False,
    )


def _cell(value: float, share: bool, subtracted: bool) -> str:
    if math.isnan(value):
        return ""
    sign = "+" if subtracted and value > 0 else ""
    return f"{sign}{100 * value:.1f}" if share else f"{sign}{value:,.0f}"


def _words(count: int, share: float | None, subtracted: bool) -> str:
    sign = "+" if subtracted and count > 0 else ""
    if share is None or math.isnan(share):
        return f"{sign}{count:,}"
    return f"{sign}{count:,} ({sign if share > 0 else ''}{100 * share:.1f} {'points' if subtracted else '%'})"
