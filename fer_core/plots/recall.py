"""Recall per class with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from fer_core.labels import ClassSet


def recall_dots(per_class: Mapping[str, Mapping[str, Any]], classes: ClassSet) -> go.Figure:
    """One dot with its 95 % interval per class; the number of faces stands beside the class.

    Args:
        per_class: by class name `n`, `recall` and `recall_interval`, as in `Scores.as_json`. A class without samples
            (recall None) keeps its row, empty.
        classes: the classes, in order.
    """
    rows = [per_class[name] for name in classes.names]
    recalls = [row["recall"] for row in rows]
    # From the interval's ends to the dot; a class without samples has neither.
    spans = [
        (r["recall"] - r["recall_interval"][0], r["recall_interval"][1] - r["recall"]) if r["n"] else (0, 0)
        for r in rows
    ]
    figure = go.Figure(
        go.Scatter(
            x=recalls,
            y=[f"{name} (n = {row['n']:,})" for name, row in zip(classes.names, rows, strict=True)],
            mode="markers",
            marker={"color": list(classes.colours()), "size": 11},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [above for _, above in spans],
                "arrayminus": [below for below, _ in spans],
                "color": "#8C8C8C",
                "thickness": 1.5,
                "width": 4,
            },
            cliponaxis=False,
            customdata=[row["recall_interval"] for row in rows],
            hovertemplate="%{y}: recall %{x:.1%} [%{customdata[0]:.1%}, %{customdata[1]:.1%}]<extra></extra>",
        )
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%", title="recall, 95 % interval", zeroline=False)
    figure.update_yaxes(autorange="reversed", title=None)
    figure.update_layout(height=38 * len(classes) + 70, margin={"l": 8, "r": 16, "t": 8, "b": 8}, showlegend=False)
    return figure
