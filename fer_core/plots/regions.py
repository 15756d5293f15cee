"""Regions by class, what interventions cost, and whether maps may be believed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

Row = Mapping[str, Any]
_GREY = "#8C8C8C"
_ORANGE = "#D55E00"
INK = "#000000"
# From less to more than even; each colour is bright enough for figures in `INK`.
BOTH_WAYS = [[0, "#2B8CC4"], [0.5, "#FFFFFF"], [1, _ORANGE]]
_FIRST = ("disgust", "fear")  # the rarest and the most often mistaken stand on top


def class_order(labels: Sequence[str]) -> list[str]:
    """Classes as rows of a heat map: disgust and fear first, the others in their order."""
    return [name for name in _FIRST if name in labels] + [name for name in labels if name not in _FIRST]


def density_heatmap(rows: Sequence[Row], value: str = "density") -> go.Figure:
    """Region by class on a scale on which half and twice an even map are equally far from white.

    Args:
        rows: as of `RegionRow.as_json`, faces of all outcomes; one for every class and region.
        value: `density` or `prior_density`.

    Returns:
        A heat map, and over it a scatter of squares that can be clicked: their `customdata` is class and region. A
        figure that its map is too coarse for stands in brackets.
    """
    labels = class_order(list(dict.fromkeys(row["label"] for row in rows)))
    regions = list(dict.fromkeys(row["region"] for row in rows))
    cells = {(row["label"], row["region"]): row for row in rows}
    grid = [[cells[label, region] for region in regions] for label in labels]
    known = [[row[value] if row[value] and row[value] > 0 else None for row in line] for line in grid]
    figure = go.Figure(
        go.Heatmap(
            z=[[None if v is None else max(-2.0, min(2.0, math.log2(v))) for v in line] for line in known],
            x=regions,
            y=labels,
            text=[[_cell(row, value) for row in line] for line in grid],
            texttemplate="%{text}",
            textfont={"color": INK},
            colorscale=BOTH_WAYS,
            zmin=-2,
            zmax=2,
            xgap=2,
            ygap=2,
            hoverinfo="skip",
            colorbar={"tickvals": [-2, -1, 0, 1, 2], "ticktext": ["¼", "½", "even", "2", "4"], "title": "times"},
        )
    )
    flat = [row for line in grid for row in line]
    figure.add_scatter(
        x=[row["region"] for row in flat],
        y=[row["label"] for row in flat],
        mode="markers",
        marker={"symbol": "square", "size": 44, "opacity": 0.01},
        customdata=[[row["label"], row["region"], _hover(row, value)] for row in flat],
        hovertemplate="%{customdata[2]}<extra></extra>",
        showlegend=False,
    )
    figure.update_yaxes(autorange="reversed", title=None)
    figure.update_xaxes(side="top", title=None)
    figure.update_layout(height=44 * len(labels) + 70, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    return figure


def _cell(row: Row, value: str) -> str:
    if row[value] is None:
        return "n/a"
    shown = f"{row[value]:.2f}"
    return shown if row["claim"] else f"({shown})"


def _hover(row: Row, value: str) -> str:
    told = f"{row['label']}, {row['region']}: {with_interval(row, value)}, n = {row['n']:,}"
    return told if row["claim"] else f"{told}<br>{row['reason']}"


def with_interval(row: Row, value: str) -> str:
    """A figure of a row with its interval, `1.23 [1.20, 1.26]`; `n/a` where it is not known."""
    if row[value] is None:
        return "n/a"
    low, high = row[f"{value}_interval"]
    return f"{row[value]:.2f}" + ("" if low is None else f" [{low:.2f}, {high:.2f}]")


def effect_dots(rows: Sequence[Row]) -> go.Figure:
    """Per region the fall of the logit with its interval, beside that of its shape elsewhere; filled where it drives.

    Args:
        rows: as of `EffectRow.as_json`, of one group and one fill.
    """
    regions = [row["region"] for row in rows]
    figure = go.Figure()
    for name, key, colour in (("the region", "drop", _ORANGE), ("its shape elsewhere", "control", _GREY)):
        symbols = ["circle" if row["drives"] or key == "control" else "circle-open" for row in rows]
        figure.add_scatter(
            x=[row[key] for row in rows],
            y=regions,
            name=name,
            mode="markers",
            marker={"color": colour, "size": 11, "symbol": symbols},
            error_x={**_error_bars(rows, key), "color": colour},
            customdata=[with_interval(row, key) + f", n = {row['n']:,}" for row in rows],
            hovertemplate=f"%{{y}}, {name}: %{{customdata}}<extra></extra>",
        )
    figure.update_xaxes(title="fall of the logit, 95 % interval", zeroline=True)
    figure.update_yaxes(autorange="reversed", title=None)
    figure.update_layout(
        scattermode="group", scattergap=0.6,
        height=44 * len(regions) + 90, margin={"l": 8, "r": 8, "t": 8, "b": 8}, legend={"orientation": "h", "y": 1.1},
    )  # fmt: skip
    return figure


def trust_dots(figures: Mapping[str, Mapping[str, Row]], measure: str, title: str) -> go.Figure:
    """One dot with its interval for every method and baseline.

    Args:
        figures: by candidate and measure `mean`, `interval` and `n`, as in `TrustReport.as_json`.
        measure: name of one.
        title: of the axis.
    """
    rows = [(name, found[measure]) for name, found in figures.items() if measure in found]
    plain = [{"x": row["mean"], "x_interval": row["interval"], "n": row["n"]} for _, row in rows]
    figure = go.Figure(
        go.Scatter(
            x=[row["x"] for row in plain],
            y=[name for name, _ in rows],
            mode="markers",
            marker={"color": [_GREY if name in _BASELINES else _ORANGE for name, _ in rows], "size": 11},
            error_x=_error_bars(plain, "x"),
            customdata=[with_interval(row, "x") + f", n = {row['n']:,}" for row in plain],
            hovertemplate="%{y}: %{customdata}<extra></extra>",
        )
    )
    figure.update_xaxes(title=title, zeroline=False)
    figure.update_yaxes(autorange="reversed", title=None)
    figure.update_layout(height=34 * len(rows) + 70, margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=False)
    return figure


_BASELINES = ("random map", "centre Gaussian")


def _error_bars(rows: Sequence[Row], key: str) -> dict[str, Any]:
    """From each value to the ends of its interval; none where one is unknown."""
    above, below = [], []
    for row in rows:
        low, high = row[f"{key}_interval"]
        known = row[key] is not None and low is not None
        above.append(high - row[key] if known else 0.0)
        below.append(row[key] - low if known else 0.0)
    return {
        "type": "data", "symmetric": False, "array": above, "arrayminus": below, "color": _GREY, "thickness": 1.5,
        "width": 4,
    }  # fmt: skip
