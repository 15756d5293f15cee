"""Class probabilities of one face as bars."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from fer_core.labels import ClassSet


def probability_bars(probabilities: Sequence[float], classes: ClassSet) -> go.Figure:
    """One horizontal bar per class, in the classes' order and colours, with the value in percent beside it.

    Args:
        probabilities: (K,), 0..1, in the order of `classes`.
        classes: the K classes.
    """
    values = [float(p) for p in probabilities]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=list(classes.names),
            orientation="h",
            marker={"color": list(classes.colours()), "line": {"width": 0}},
            text=[f"{p:.1%}".replace("%", " %") for p in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.3%}<extra></extra>",
        )
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%", tickvals=[0, 0.25, 0.5, 0.75, 1], title=None, zeroline=False)
    figure.update_yaxes(autorange="reversed", title=None)
    # Room on the right for "100.0 %" beside a full bar.
    figure.update_layout(height=40 * len(values) + 40, margin={"l": 8, "r": 64, "t": 8, "b": 8}, bargap=0.3)
    return figure
