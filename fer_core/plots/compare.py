"""Models against each other: differences with bounds, accuracy against latency, agreement, robustness."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from fer_core.evaluate.compare import Interval, Pair
from fer_core.labels import colour
from fer_core.plots.calibration import GREY, SERIES

_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


def difference_forest(pair: Pair) -> go.Figure:
    """Each difference with its bounds around a line at nothing: top-1 and its like, then the recall of each class.

    Differences whose corrected p is below 0.05 are filled, others hollow.
    """
    classes = [c.name for c in pair.classes]
    rows: list[tuple[str, Interval, float, str]] = [("top-1", pair.differences["accuracy"], pair.p_holm, GREY)]
    for name, words in (("balanced_accuracy", "balanced accuracy"), ("macro_f1", "macro-F1")):
        rows.append((words, pair.differences[name], pair.differences[name].p, GREY))
    rows += [(f"recall {c.name} (n = {c.n:,})", c.difference, c.p_holm, colour(c.name, classes)) for c in pair.classes]
    known = [row for row in rows if np.isfinite(row[1].value)]
    figure = go.Figure(
        go.Scatter(
            x=[d.value for _, d, _, _ in known],
            y=[name for name, *_ in known],
            mode="markers",
            marker={
                "size": 11,
                "color": [shade for *_, shade in known],
                "symbol": ["circle" if p < 0.05 else "circle-open" for _, _, p, _ in known],
                "line": {"width": 2},
            },
            error_x={
                "type": "data", "symmetric": False, "color": GREY, "thickness": 1.5, "width": 4,
                "array": [d.high - d.value for _, d, _, _ in known],
                "arrayminus": [d.value - d.low for _, d, _, _ in known],
            },
            customdata=[[d.low, d.high, p] for _, d, p, _ in known],
            hovertemplate="%{y}: %{x:+.1%} [%{customdata[0]:+.1%}, %{customdata[1]:+.1%}], p %{customdata[2]:.2g}"
            "<extra></extra>",
        )
    )  # fmt: skip
    figure.add_vline(x=0, line={"dash": "dot", "color": GREY})
    figure.update_xaxes(title=f"{pair.first} less {pair.second}, 95 % interval", tickformat="+.0%", zeroline=False)
    figure.update_yaxes(autorange="reversed", title=None, automargin=True)
    figure.update_layout(height=34 * len(known) + 90, margin=_MARGIN, showlegend=False)
    return figure


def on_front(cost: Sequence[float], worth: Sequence[float]) -> list[bool]:
    """Whether no other model is at least as cheap and as good and better in one of the two."""
    return [
        not any(
            (c <= cost[i] and w >= worth[i] and (c < cost[i] or w > worth[i])) for c, w in zip(cost, worth, strict=True)
        )
        for i in range(len(cost))
    ]


def accuracy_against_latency(models: Mapping[str, tuple[float, Interval]], title: str = "latency (ms)") -> go.Figure:
    """One dot a model with its name above; those that none beats in both are joined by a line.

    Args:
        models: by name what it costs (above 0) and its accuracy.
        title: of the cost.
    """
    names = list(models)
    costs, worths = [models[n][0] for n in names], [models[n][1] for n in names]
    front = on_front(costs, [w.value for w in worths])
    order = sorted((c, w.value) for c, w, yes in zip(costs, worths, front, strict=True) if yes)
    figure = go.Figure()
    figure.add_scatter(
        x=[c for c, _ in order], y=[w for _, w in order], mode="lines",
        line={"color": GREY, "dash": "dot", "shape": "hv"}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        x=costs,
        y=[w.value for w in worths],
        mode="markers",
        text=names,
        marker={"size": 11, "color": [SERIES[i % len(SERIES)] for i in range(len(names))]},
        error_y={
            "type": "data", "symmetric": False, "color": GREY, "thickness": 1,
            "array": [w.high - w.value for w in worths], "arrayminus": [w.value - w.low for w in worths],
        },
        hovertemplate="%{text}: %{y:.1%}, %{x:.3g}<extra></extra>",
        showlegend=False,
    )  # fmt: skip
    for name, cost, worth in zip(names, costs, worths, strict=True):  # above the upper bound, which would strike it
        figure.add_annotation(x=math.log10(cost), y=worth.high, text=name, showarrow=False, yanchor="bottom", yshift=2)
    figure.update_xaxes(type="log", title=title)
    figure.update_yaxes(title="top-1, 95 % interval", tickformat=".0%")
    figure.update_layout(height=420, margin={**_MARGIN, "t": 24})
    return figure


def agreement_map(values: NDArray[np.float64], models: Sequence[str], ink: str = "#1D2327") -> go.Figure:
    """(M, M) how far two models agree, in percent; `ink` is the colour of the numbers."""
    words = [["" if np.isnan(v) else f"{100 * v:.1f}" for v in row] for row in values]
    figure = go.Figure(
        go.Heatmap(
            z=values, x=list(models), y=list(models), text=words, texttemplate="%{text}",
            textfont={"color": ink}, zmin=0, zmax=1, xgap=1, ygap=1,
            colorscale=[[0, "rgba(0,114,178,0)"], [1, "rgba(0,114,178,0.6)"]], showscale=False,
            hovertemplate="%{x}, %{y}: %{z:.1%}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_layout(height=60 * len(models) + 120, margin=_MARGIN)
    return figure


def robustness_curves(curve: Mapping[str, Any]) -> go.Figure:
    """Recall of each class in its colour, and top-1 in thick grey, with intervals, against a corruption's strength.

    Args:
        curve: as `Robustness.as_json` gives it; a class without samples is left out.
    """
    figure = go.Figure()
    names = tuple(curve["recall"])
    for name in names:
        if curve["n_of_class"][name]:
            _with_bounds(
                figure, curve["severities"], curve["recall"][name], curve["recall_interval"][name], name=name,
                line={"color": colour(name, names)}, marker={"size": 6},
            )  # fmt: skip
    _with_bounds(
        figure, curve["severities"], curve["accuracy"], curve["accuracy_interval"], name="top-1",
        line={"color": GREY, "width": 5},
    )  # fmt: skip
    figure.update_xaxes(title=curve["unit"])
    figure.update_yaxes(title="recall", range=[0, 1.02], tickformat=".0%")
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    figure.update_layout(height=420, margin={**_MARGIN, "t": 80}, legend=legend)
    return figure


def _with_bounds(figure: go.Figure, at: Sequence[float], values: Sequence[float], bounds: Any, **style: Any) -> None:
    """A line whose points have thin bars from lower to upper bound."""
    low, high = np.array(bounds, dtype=np.float64).T
    figure.add_scatter(
        x=list(at), y=list(values), mode="lines+markers", customdata=np.stack([low, high], axis=1),
        error_y={"array": high - np.array(values), "arrayminus": np.array(values) - low, "thickness": 1, "width": 0},
        hovertemplate="%{x:g}: %{y:.1%} [%{customdata[0]:.1%}, %{customdata[1]:.1%}]<extra>%{fullData.name}</extra>",
        **style,
    )  # fmt: skip
