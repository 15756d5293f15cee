"""A class under the lens, and the slices that fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from fer_core.evaluate.errors.learning import LearningCurve
from fer_core.evaluate.errors.lens import Curve
from fer_core.evaluate.slices import Slices
from fer_core.labels import colour

_GREY = "#8C8C8C"
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


def precision_recall_curves(
    curves: Mapping[str, Curve], classes: Sequence[str], now: Mapping[str, tuple[float, float]] | None = None
) -> go.Figure:
    """One curve a class in its colour; a cross where the most probable class puts it.

    Args:
        curves: by class name; one without samples is left out. Long ones are thinned.
        classes: in order, for the colours.
        now: by class name (recall, precision) without a threshold.
    """
    figure = go.Figure()
    for name in (name for name in classes if name in curves):
        curve, shade = curves[name].thinned(), colour(name, classes)
        if not curve.n:
            continue
        figure.add_scatter(
            x=curve.recall, y=curve.precision, mode="lines", line={"color": shade, "width": 2},
            name=f"{name} (AP {curve.average_precision:.3f}, n = {curve.n:,})", customdata=curve.threshold,
            hovertemplate="threshold %{customdata:.3f}: recall %{x:.1%}, precision %{y:.1%}<extra></extra>",
        )  # fmt: skip
        if now and name in now:
            figure.add_scatter(
                x=[now[name][0]], y=[now[name][1]], mode="markers", showlegend=False,
                marker={"symbol": "x", "size": 11, "color": shade},
                hovertemplate="as it is: recall %{x:.1%}, precision %{y:.1%}<extra></extra>",
            )  # fmt: skip
    figure.update_xaxes(title="recall", range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(title="precision", range=[0, 1.02], tickformat=".0%")
    figure.update_layout(height=420, margin=_MARGIN, legend={"orientation": "h", "y": 1.15}, showlegend=True)
    return figure


def slice_dots(found: Slices, most: int = 15) -> go.Figure:
    """The error of each slice that fails with its bounds, and a line at the error of all samples.

    `customdata` is the slice's place in `found.found`.
    """
    rows = found.found[:most]
    figure = go.Figure(
        go.Scatter(
            x=[one.error for one in rows],
            y=[f"{one.text} (n = {one.n:,})" for one in rows],
            mode="markers",
            marker={"size": 11, "color": "#D55E00"},
            error_x={
                "type": "data", "symmetric": False, "color": _GREY, "thickness": 1.5, "width": 4,
                "array": [one.interval[1] - one.error for one in rows],
                "arrayminus": [one.error - one.interval[0] for one in rows],
            },
            cliponaxis=False,
            customdata=[[place, one.rest, one.p_corrected, one.effect] for place, one in enumerate(rows)],
            hovertemplate="%{y}: %{x:.1%} wrong, others %{customdata[1]:.1%}; corrected p %{customdata[2]:.2g}, "
            "Cohen's h %{customdata[3]:.2f}<extra></extra>",
        )
    )  # fmt: skip
    if found.n:
        figure.add_vline(x=found.error, line={"dash": "dot", "color": _GREY})
    figure.update_xaxes(title="wrong, 95 % interval", tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", title=None, automargin=True)
    figure.update_layout(height=34 * len(rows) + 90, margin=_MARGIN, showlegend=False)
    return figure


def learning_figure(curve: LearningCurve, name: str, classes: Sequence[str]) -> go.Figure:
    """Measured recalls with two standard errors, and the power law through them up to eight times the samples."""
    shade = colour(name, classes)
    beyond = np.geomspace(curve.samples[0], curve.samples[-1] * 8, 60)
    recalls = 1 - np.exp(curve.drawn[:, :1] - curve.drawn[:, 1:] * np.log(beyond))
    low, high = np.quantile(recalls, [0.025, 0.975], axis=0)
    figure = go.Figure()
    figure.add_scatter(
        x=[*beyond, *beyond[::-1]], y=[*high, *low[::-1]], fill="toself", line={"width": 0}, opacity=0.25,
        fillcolor=shade, hoverinfo="skip", name="95 % of redrawn curves",
    )  # fmt: skip
    figure.add_scatter(
        x=beyond, y=1 - curve.coefficient * beyond**-curve.exponent, mode="lines", name="power law",
        line={"color": shade, "dash": "dot"},
    )  # fmt: skip
    figure.add_scatter(
        x=curve.samples, y=curve.recall, mode="markers", marker={"color": shade, "size": 9},
        name=f"measured (n = {curve.n:,})", error_y={"type": "data", "array": 2 * curve.error, "thickness": 1},
    )  # fmt: skip
    ticks = [round(float(s)) for s in (*curve.samples, *(curve.samples[-1] * by for by in (2, 4, 8)))]
    figure.update_xaxes(type="log", title=f"training samples of {name}", tickvals=ticks, tickformat=",d")
    figure.update_yaxes(title="recall", range=[0, 1.02], tickformat=".0%")
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    figure.update_layout(height=400, margin={**_MARGIN, "t": 60}, legend=legend)
    return figure
