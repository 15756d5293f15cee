"""Which expression each face was given, and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import plotly.graph_objects as go

from fer_core.labels import colour
from fer_core.live.record import NO_FACE, Span
from fer_core.live.smoothing import UNSURE

_UNSURE, _NOBODY = "#8C8C8C", "#C9C9C9"
_ROW_PX = 26


def expression_timeline(
    spans: Sequence[Span], no_face: Iterable[tuple[float, float]], classes: Sequence[str]
) -> go.Figure:
    """One row for each face, in the order of their numbers, with a bar for each span in its class's colour.

    Times in which a face was `unsure` are grey; those without any face are a hatched row of their own, below. A moment
    in which the camera was off is empty in every row.

    Args:
        spans: to draw.
        no_face: times (start, end) in seconds.
        classes: names in the order of the legend; others that occur in the spans follow.
    """
    seen = {span.expression for span in spans}
    rest = sorted(seen - {*classes, UNSURE})
    figure = go.Figure()
    for name in (*(name for name in (*classes, *rest) if name in seen), *([UNSURE] if UNSURE in seen else [])):
        mine = [span for span in spans if span.expression == name]
        figure.add_bar(
            base=[span.start_s for span in mine],
            x=[span.duration_s for span in mine],
            y=[f"face {span.track}" for span in mine],
            customdata=[(span.start_s, span.end_s, span.mean_probability) for span in mine],
            hovertemplate=f"{name}, %{{customdata[0]:.1f}} to %{{customdata[1]:.1f}} s, "
            "probability %{customdata[2]:.2f}<extra>%{y}</extra>",
            name=name,
            marker={"color": _UNSURE if name == UNSURE else colour(name, [*classes, *rest]), "line": {"width": 0}},
            orientation="h",
        )
    rows = [f"face {track}" for track in sorted({span.track for span in spans})]
    gaps = list(no_face)
    if gaps:
        rows.append(NO_FACE)
        figure.add_bar(
            base=[start_s for start_s, _ in gaps],
            x=[end_s - start_s for start_s, end_s in gaps],
            y=[NO_FACE] * len(gaps),
            customdata=gaps,
            hovertemplate="no face, %{customdata[0]:.1f} to %{customdata[1]:.1f} s<extra></extra>",
            name=NO_FACE,
            marker={"color": _NOBODY, "pattern": {"shape": "/", "fgcolor": _UNSURE, "fillmode": "replace"}},
            orientation="h",
        )
    figure.update_yaxes(categoryorder="array", categoryarray=rows, autorange="reversed", title=None)
    figure.update_xaxes(title="seconds since the session began", rangemode="tozero")
    figure.update_layout(
        barmode="overlay",
        showlegend=True,
        bargap=0.2,
        height=110 + _ROW_PX * max(2, len(rows)),
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return figure
