"""Probabilities of one face over the time of a video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

import plotly.graph_objects as go

from fer_core.labels import ClassSet

_GAP_S = 1.0  # not seen for longer than this, a face has no line in between


def probabilities_over_time(rows: Sequence[Mapping[str, Any]], classes: ClassSet, threshold: float) -> go.Figure:
    """Each class's smoothed probability as a line, and behind it, thin and pale, as it came frame by frame.

    Args:
        rows: of one face, by time, with `time_s`, and `p_NAME` and `smoothed_NAME` for every class; may be empty.
        classes: in the order of the legend.
        threshold: below it a face is `unsure`; a dotted line marks it.

    Returns:
        A figure whose lines end where the face was not seen for more than a second.
    """
    shown = _with_gaps(rows)
    times = [row.get("time_s") for row in shown]
    figure = go.Figure()
    for kind, width, opacity in (("p", 1, 0.35), ("smoothed", 2, 1.0)):
        for name, colour in zip(classes.names, classes.colours(), strict=True):
            figure.add_scatter(
                x=times,
                y=[row.get(f"{kind}_{name}") for row in shown],
                name=name,
                legendgroup=name,
                showlegend=kind == "smoothed",
                mode="lines" if len(rows) > 1 else "markers",
                line={"color": colour, "width": width},
                opacity=opacity,
                meta=kind,
                hoverinfo="skip" if kind == "p" else None,
                hovertemplate=None if kind == "p" else f"{name} %{{y:.0%}} at %{{x:.2f}} s<extra></extra>",
            )
    figure.add_hline(y=threshold, line={"dash": "dot", "width": 1, "color": "#8C8C8C"})
    figure.update_xaxes(title="seconds")
    figure.update_yaxes(title="probability", range=[0, 1.02], tickformat=".0%")
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.02}
    figure.update_layout(height=360, margin={"l": 8, "r": 8, "t": 8, "b": 8}, legend=legend)
    return figure


def _with_gaps(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows with an empty one, which interrupts a line, wherever the face was away."""
    steps = [after["time_s"] - before["time_s"] for before, after in pairwise(rows)]
    longest = max(_GAP_S, 3 * median(steps)) if steps else _GAP_S  # rows may be thinned
    found: list[Mapping[str, Any]] = []
    for row, step in zip(rows, [0.0, *steps], strict=False):
        if step > longest:
            found.append({})
        found.append(row)
    return found
