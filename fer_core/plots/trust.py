"""Charts of the trust panel: maps against ever more randomised weights, and methods against one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from fer_core.plots.curves import run_colours
from fer_core.plots.regions import BOTH_WAYS, INK


def cascade_curves(cascades: Mapping[str, Mapping[str, Any]], measure: str, title: str, ink: str) -> go.Figure:
    """How alike each method's maps stay while the network loses its weights, from the last layer to the first.

    Args:
        cascades: by method `stages` and `measure`, as in `TrustReport.as_json`: a `mean` and an `interval` a stage.
        measure: `spearman` or `ssim`.
        title: of the axis.
        ink: colour of the zero line.

    Returns:
        A line per method with intervals, beginning at 1 before anything is shuffled.
    """
    figure = go.Figure()
    colours = run_colours(list(cascades))
    for name, found in cascades.items():
        rows = found[measure]
        means = [1.0, *(row["mean"] for row in rows)]
        ends = [(1.0, 1.0), *(_ends(row) for row in rows)]
        figure.add_scatter(
            x=["trained", *found["stages"]],
            y=means,
            name=name,
            mode="lines+markers",
            line={"color": colours[name], "width": 2},
            error_y={
                "type": "data", "symmetric": False, "thickness": 1, "width": 3,
                "array": [0.0 if m is None else high - m for m, (_, high) in zip(means, ends, strict=True)],
                "arrayminus": [0.0 if m is None else m - low for m, (low, _) in zip(means, ends, strict=True)],
            },
            hovertemplate=f"{name}, down to %{{x}}: %{{y:.2f}}<extra></extra>",
        )  # fmt: skip
    figure.add_hline(y=0, line={"width": 1, "color": ink})
    figure.update_xaxes(title="weights shuffled from the output down to", automargin=True)
    figure.update_yaxes(title=title, range=[-1.02, 1.05])
    figure.update_layout(
        height=460, margin={"l": 8, "r": 8, "t": 8, "b": 8}, legend={"orientation": "h", "yanchor": "bottom", "y": 1.02}
    )
    return figure


def _ends(row: Mapping[str, Any]) -> tuple[float, float]:
    """The interval; where it is not known, the mean itself."""
    low, high = row["interval"]
    mean = row["mean"] or 0.0
    return (mean if low is None else low, mean if high is None else high)


def agreement_matrix(names: Sequence[str], values: Sequence[Sequence[float | None]]) -> go.Figure:
    """Mean rank correlation of each two methods' maps, with its figure in the cell; `n/a` where it is unknown.

    Args:
        names: M methods, in the order of rows and columns.
        values: (M, M), -1 to 1.
    """
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(names),
            y=list(names),
            text=[["n/a" if v is None else f"{v:.2f}" for v in row] for row in values],
            texttemplate="%{text}",
            textfont={"color": INK},
            colorscale=BOTH_WAYS,
            zmin=-1,
            zmax=1,
            xgap=2,
            ygap=2,
            hovertemplate="%{y} and %{x}: %{text}<extra></extra>",
            colorbar={"title": "rank<br>correlation"},
        )
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(side="top")
    figure.update_layout(height=44 * len(names) + 120, margin={"l": 8, "r": 8, "t": 8, "b": 8})
    return figure
