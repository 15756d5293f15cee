"""Votes of one sample's annotators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from fer_core.labels import colour


def vote_bars(votes: Mapping[str, float], classes: Sequence[str]) -> go.Figure:
    """One bar per class that somebody voted for, in the order given.

    Args:
        votes: number of votes by class.
        classes: the data set's classes, which decide the colours.
    """
    given = {name: n for name, n in votes.items() if n > 0}
    figure = go.Figure(
        go.Bar(
            x=list(given.values()),
            y=list(given),
            orientation="h",
            marker={"color": [colour(name, tuple(classes)) for name in given]},
            hovertemplate="%{y}: %{x} votes<extra></extra>",
        )
    )
    figure.update_xaxes(title="votes", rangemode="tozero", zeroline=False)
    figure.update_yaxes(autorange="reversed", title=None)
    figure.update_layout(height=26 * max(1, len(given)) + 60, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    return figure
