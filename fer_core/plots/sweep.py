"""What a sweep has found: its history, which keys matter, and which values go together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import plotly.graph_objects as go

_DOT, _BEST, _PRUNED = "#0072B2", "#D55E00", "#8C8C8C"
_SCALE = [[0, "#B8C4CE"], [0.5, "#0072B2"], [1, "#D55E00"]]  # to be told apart on light and on dark ground
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}

Direction = Literal["minimize", "maximize"]


def best_so_far(values: Sequence[float | None], direction: Direction) -> list[float | None]:
    """The best of the values up to each one; None before the first, and what is None is passed over.

    >>> best_so_far([None, 0.5, 0.4, None, 0.6], "maximize")
    [None, 0.5, 0.5, 0.5, 0.6]
    """
    better = min if direction == "minimize" else max
    best: float | None = None
    course = []
    for value in values:
        if value is not None and not math.isnan(value):
            best = value if best is None else better(best, value)
        course.append(best)
    return course


def sweep_history(
    complete: Sequence[float | None], pruned: Sequence[float | None], metric: str, direction: Direction
) -> go.Figure:
    """A dot for each trial over its number, and the best complete one so far as steps.

    Args:
        complete: N values in the trials' order; None where a trial is not complete.
        pruned: N values of trials that were given up, as far as they came; None where one was not.
        metric: what the values are, for the axis.
        direction: what is wanted of them.
    """
    figure = go.Figure()
    for values, name, colour, symbol in (
        (complete, "complete", _DOT, "circle"), (pruned, "pruned, its last epoch", _PRUNED, "x-thin"),
    ):  # fmt: skip
        there = [(number, value) for number, value in enumerate(values) if value is not None]
        if there:
            figure.add_scatter(
                x=[number for number, _ in there],
                y=[value for _, value in there],
                mode="markers",
                name=f"{name} (n = {len(there)})",
                marker={"color": colour, "symbol": symbol, "size": 9, "line": {"color": colour, "width": 2}},
                hovertemplate=f"trial %{{x}}: {metric} %{{y:.4f}}<extra></extra>",
            )
    course = best_so_far(complete, direction)
    if any(value is not None for value in course):
        figure.add_scatter(
            x=list(range(len(course))), y=course, mode="lines", name="best so far", hoverinfo="skip",
            line={"shape": "hv", "color": _BEST},
        )  # fmt: skip
    figure.update_xaxes(title="trial", range=[-0.5, max(len(complete), 1) - 0.5])
    figure.update_yaxes(title=metric)
    figure.update_layout(height=360, margin=_MARGIN, legend={"orientation": "h", "y": 1.1})
    return figure


def key_importance(importance: Mapping[str, float]) -> go.Figure:
    """A bar for each key, the most important one at the top.

    Args:
        importance: share of each key, 0 to 1.
    """
    ordered = sorted(importance.items(), key=lambda item: item[1])
    figure = go.Figure()
    figure.add_bar(
        x=[share for _, share in ordered],
        y=[key for key, _ in ordered],
        orientation="h",
        marker={"color": _DOT},
        text=[f"{share:.0%}" for _, share in ordered],
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    figure.update_xaxes(tickformat=".0%", range=[0, 1], title="importance")
    figure.update_layout(height=90 + 36 * len(ordered), margin=_MARGIN, showlegend=False)
    return figure


def parallel_coordinates(
    trials: Sequence[Mapping[str, Any]], values: Sequence[float], metric: str, direction: Direction,
    logarithmic: Sequence[str] = (),
) -> go.Figure:  # fmt: skip
    """A line for each trial through an axis for each key; its colour and its end are the metric.

    Args:
        trials: N trials, each with a value by key; a key that one of them lacks has no axis. Words, and truth values,
            stand on their axis in the order of the alphabet.
        values: N values of the metric.
        metric: its name.
        direction: what is wanted of it; the best lines are orange.
        logarithmic: keys whose axis is logarithmic; their values are above 0.
    """
    keys = [key for key in (trials[0] if trials else {}) if all(key in trial for trial in trials)]
    axes = [_axis(key, [trial[key] for trial in trials], key in logarithmic) for key in keys]
    line = {"color": list(values), "colorscale": _SCALE, "reversescale": direction == "minimize", "showscale": True}
    figure = go.Figure(go.Parcoords(line=line, dimensions=[*axes, {"label": metric, "values": list(values)}]))
    figure.update_layout(height=420, margin={"l": 80, "r": 40, "t": 60, "b": 24})
    return figure


def _axis(key: str, drawn: Sequence[Any], logarithmic: bool) -> dict[str, Any]:
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in drawn):
        words = sorted({str(value) for value in drawn})
        return {
            "label": key, "values": [words.index(str(value)) for value in drawn],
            "tickvals": list(range(len(words))), "ticktext": words,
        }  # fmt: skip
    if not logarithmic:
        return {"label": key, "values": list(drawn)}
    exponents = [math.log10(value) for value in drawn]
    low, high = min(exponents), max(exponents)
    ticks = [low + (high - low) * part / 4 for part in range(5)] if high > low else [low]
    return {"label": key, "values": exponents, "tickvals": ticks, "ticktext": [f"{10**tick:.2g}" for tick in ticks]}
