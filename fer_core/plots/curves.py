"""Learning curves of one or more runs over one another: training against validation, with the gap between them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

Curve = Sequence[tuple[float, float]]

# Okabe and Ito (2008), without their black and yellow, which vanish on one of the two themes.
_MOST = 400  # points of a thin line; there are hardly more pixels for it
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6E6E6E", "#985040")


def run_colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each run, `#RRGGBB`, by its place."""
    return {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)}


def thinned(curve: Curve, most: int = _MOST) -> list[tuple[float, float]]:
    """At most so many points, each the mean of equally many that follow one another, but for the last one.

    Args:
        curve: (epoch, value) by epoch.
        most: points, 1 or more.
    """
    at_once = math.ceil(len(curve) / most)
    parts = [curve[i : i + at_once] for i in range(0, len(curve), at_once or 1)]
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts]


def gap(training: Curve, validation: Curve) -> tuple[float, float, float] | None:
    """The last epoch that both curves have, and both values there (training, validation); None where there is none."""
    by_epoch = {epoch: value for epoch, value in training if math.isfinite(value)}
    both = [
        (epoch, by_epoch[epoch], value) for epoch, value in validation if epoch in by_epoch and math.isfinite(value)
    ]
    return both[-1] if both else None


def learning_curves(
    runs: Mapping[str, tuple[Curve, Curve]],
    title: str,
    *,
    percent: bool = False,
    marks: Mapping[str, int] | None = None,
    within: Mapping[str, Curve] | None = None,
) -> go.Figure:
    """Training (dashed) against validation (solid), one colour for each run; a bar marks the gap.

    How large it is stands beside the bar of a single run; of several, whose bars may be side by side, in the legend.
    A line's `meta` says which of both it is, or `steps` for training within epochs, a thin line under the others.

    Args:
        runs: by name (training, validation), each (epoch, value) by epoch; either may be empty.
        title: of the axis.
        percent: values are shares.
        marks: by name the epoch since which the run over-fits; it gets a dotted line and a ring on the curve.
        within: by name training within epochs, (epoch in fractions, value).
    """
    figure = go.Figure()
    shown = ".1%" if percent else ".3f"
    _add_within(
        figure, {name: not any(pair) for name, pair in runs.items()}, within or {}, f"%{{y:{shown}}} within epochs"
    )
    for name, colour in run_colours(list(runs)).items():
        training, validation = runs[name]
        found = gap(training, validation)
        apart = "" if found is None else _in_words(found, percent=percent)
        called = f"{name}, {apart}" if apart and len(runs) > 1 else name
        for curve, what, dash in ((training, "training", "dash"), (validation, "validation", "solid")):
            if curve:
                line = {"color": colour, "dash": dash, "width": 2}
                named = what == "validation" or not validation  # once for each run
                _add_line(figure, curve, called if named else name, line, f"%{{y:{shown}}} {what}")
                figure.data[-1].update(meta=what, showlegend=named, legendgroup=name)
        if found is not None:
            _mark_gap(figure, found, colour, apart if called == name else "")
        since = (marks or {}).get(name)
        value = dict(validation).get(since) if since is not None else None
        if since is not None and value is not None:
            _mark_start(figure, since, value, colour)
    return _laid_out(figure, title, ".0%" if percent else "")


def rate_curves(runs: Mapping[str, Curve], title: str, within: Mapping[str, Curve] | None = None) -> go.Figure:
    """The learning rate of each run, by epoch, on a logarithmic axis; rates that are 0 have no place there.

    Args:
        runs: by name (epoch, rate).
        title: of the axis.
        within: by name the rate within epochs, (epoch in fractions, rate), a thin line under the other.
    """
    figure = go.Figure()
    positive = {name: [(x, rate) for x, rate in curve if rate > 0] for name, curve in (within or {}).items()}
    _add_within(figure, {name: not curve for name, curve in runs.items()}, positive, "%{y:.3g} within epochs")
    for name, colour in run_colours(list(runs)).items():
        curve = [(epoch, rate) for epoch, rate in runs[name] if rate > 0]
        if curve:
            _add_line(figure, curve, name, {"color": colour, "width": 2}, "%{y:.3g}")
    figure.update_yaxes(type="log", exponentformat="power")
    return _laid_out(figure, title, "")


def _add_within(figure: go.Figure, bare: Mapping[str, bool], within: Mapping[str, Curve], hover: str) -> None:
    """Thin lines; a run that is `bare`, of which there is nothing else yet, is named by its own."""
    for name, colour in run_colours(list(bare)).items():
        curve = thinned(within.get(name, []))
        if curve:
            _add_line(figure, curve, name, {"color": colour, "width": 1}, hover)
            figure.data[-1].update(meta="steps", opacity=0.7, showlegend=bare[name], legendgroup=name)


def _add_line(figure: go.Figure, curve: Curve, name: str, line: Mapping[str, object], hover: str) -> None:
    figure.add_scatter(
        x=[epoch for epoch, _ in curve],
        y=[value for _, value in curve],
        name=name,
        line=dict(line),
        hovertemplate=hover,
        mode="lines+markers" if len(curve) < 2 else "lines",
    )


def _in_words(found: tuple[float, float, float], *, percent: bool) -> str:
    _, training, validation = found
    apart = abs(training - validation)
    return f"gap {100 * apart:.1f} points" if percent else f"gap {apart:.3f}"


def _mark_gap(figure: go.Figure, found: tuple[float, float, float], colour: str, words: str) -> None:
    epoch, training, validation = found
    figure.add_scatter(
        x=[epoch, epoch, epoch],
        y=[training, (training + validation) / 2, validation],
        mode="lines+text" if words else "lines",
        text=["", f"\u2002{words}", ""] if words else None,
        textposition="middle right",
        textfont={"color": colour},
        line={"color": colour, "width": 4},
        showlegend=False,
        hoverinfo="skip",
        cliponaxis=False,
    )


def _mark_start(figure: go.Figure, epoch: int, value: float, colour: str) -> None:
    figure.add_vline(
        x=epoch, line={"dash": "dot", "color": colour}, annotation_text=f"over-fits since epoch {epoch}",
        annotation_font_color=colour,
    )  # fmt: skip
    figure.add_scatter(
        x=[epoch],
        y=[value],
        mode="markers",
        marker={"size": 13, "symbol": "circle-open", "color": colour, "line": {"width": 2}},
        showlegend=False,
        hoverinfo="skip",
    )


def _laid_out(figure: go.Figure, title: str, ticks: str) -> go.Figure:
    figure.update_xaxes(title="epoch", rangemode="tozero", tickformat="~g", hoverformat=".3~g")
    figure.update_yaxes(title=title, tickformat=ticks)
    figure.update_layout(
        height=380,
        margin={"l": 8, "r": 96, "t": 24, "b": 8},
        legend={"orientation": "h", "y": -0.25, "yanchor": "top"},
        hovermode="x unified",
        uirevision="runs",  # what was zoomed into stays when a point is added
    )
    return figure
