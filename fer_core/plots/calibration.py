"""Reliability diagrams, and the model's doubt against the annotators'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from fer_core.evaluate.metrics import wilson_interval
from fer_core.evaluate.reliability import Reliability, VotesAgainstConfidence

GREY = "#8C8C8C"
SERIES = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6E6E6E", "#985040", "#332288", "#117733",
)  # fmt: skip


def reliability_diagram(models: Mapping[str, Reliability]) -> go.Figure:
    """Share that is right against mean confidence, one line a model, with Wilson's bounds; below, how many samples.

    Args:
        models: by name; bins without samples are left out.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": GREY}, hoverinfo="skip", showlegend=False
    )
    for place, (name, found) in enumerate(models.items()):
        bins = [b for b in found.bins if b.n]
        shade = SERIES[place % len(SERIES)]
        figure.add_scatter(
            x=[b.confidence for b in bins],
            y=[b.accuracy for b in bins],
            mode="lines+markers",
            name=f"{name} (ECE {found.ece:.4f}, n = {found.n:,})",
            marker={"color": shade, "size": 8},
            line={"color": shade},
            error_y={
                "type": "data", "symmetric": False, "thickness": 1, "width": 3,
                "array": [b.interval[1] - b.accuracy for b in bins],
                "arrayminus": [b.accuracy - b.interval[0] for b in bins],
            },
            customdata=[[b.low, b.high, b.n] for b in bins],
            hovertemplate="confidence %{customdata[0]:.2f} to %{customdata[1]:.2f}: %{y:.1%} right, "
            "%{customdata[2]:,} samples<extra></extra>",
        )  # fmt: skip
        figure.add_bar(
            x=[(b.low + b.high) / 2 for b in bins],
            y=[b.n / found.n for b in bins],
            width=[(b.high - b.low) / max(1, len(models)) for b in bins],
            marker={"color": shade, "opacity": 0.6},
            yaxis="y2",
            showlegend=False,
            hoverinfo="skip",
        )
    share = {"range": [0, 1], "tickformat": ".0%", "dtick": 0.2}
    figure.update_layout(
        xaxis={**share, "title": "confidence", "anchor": "y2", "range": [0, 1.02]},
        yaxis={**share, "title": "right", "domain": [0.28, 1]},
        yaxis2={"domain": [0, 0.2], "tickformat": ".0%", "title": "samples", "rangemode": "tozero"},
        barmode="group", **_below_legend(480, len(models)),
    )  # fmt: skip
    return figure


def _below_legend(height: int, entries: int) -> dict[str, Any]:
    """Layout that keeps a line free above the chart for each entry of the legend, however narrow the page is."""
    legend = {"orientation": "h", "y": 1, "yanchor": "bottom"}
    top = 20 + 20 * entries
    return {"height": height + top, "margin": {"l": 8, "r": 8, "t": top, "b": 8}, "legend": legend}


def doubt_against_votes(found: VotesAgainstConfidence) -> go.Figure:
    """The model's mean entropy, and how often it is right, over bins of the votes' entropy."""
    middle = [(low + high) / 2 for low, high, *_ in found.bins]
    counts = [[low, high, n] for low, high, n, *_ in found.bins]
    bounds = [wilson_interval(round(right * n), n) for *_, n, _, right in found.bins]
    figure = go.Figure()
    hover = "votes %{customdata[0]:.2f} to %{customdata[1]:.2f} bit, n = %{customdata[2]:,}: %{y:.3f}<extra></extra>"
    bars = {
        "type": "data", "symmetric": False, "thickness": 1, "width": 3,
        "array": [high - row[4] for row, (_, high) in zip(found.bins, bounds, strict=True)],
        "arrayminus": [row[4] - low for row, (low, _) in zip(found.bins, bounds, strict=True)],
    }  # fmt: skip
    for name, values, axis, shade, error in (
        ("entropy of the model (bits)", [row[3] for row in found.bins], "y", SERIES[0], None),
        ("right, 95 % interval", [row[4] for row in found.bins], "y2", SERIES[1], bars),
    ):
        figure.add_scatter(
            x=middle, y=values, name=name, yaxis=axis, mode="lines+markers", marker={"color": shade, "size": 9},
            line={"color": shade}, error_y=error, customdata=counts, hovertemplate=hover,
        )  # fmt: skip
    figure.update_layout(
        xaxis={"title": f"entropy of the votes (bits), n = {found.n:,}", "rangemode": "tozero"},
        yaxis={"title": "entropy of the model (bits)", "rangemode": "tozero"},
        yaxis2={
            "overlaying": "y", "side": "right", "range": [0, 1.02], "tickformat": ".0%", "dtick": 0.25,
            "showgrid": False, "title": "right",
        },
        **_below_legend(340, 2),
    )  # fmt: skip
    return figure
