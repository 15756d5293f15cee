"""Learning curves: what went in is what is drawn, with the gap where both curves end."""

from __future__ import annotations

import math

import pytest

from fer_core.plots.curves import gap, learning_curves, rate_curves, run_colours, thinned

TRAIN, VALIDATION = [(1, 2.0), (2, 1.0), (3, 0.5)], [(1, 1.8), (2, 1.2)]


def test_both_curves_of_both_runs_in_the_runs_colours() -> None:
    figure = learning_curves({"a": (TRAIN, VALIDATION), "b": (TRAIN, [])}, "loss")
    lines = [line for line in figure.data if line.name]
    assert [(line.name, line.meta) for line in lines] == [
        ("a", "training"), ("a, gap 0.200", "validation"), ("b", "training"),
    ]  # fmt: skip
    assert (list(lines[1].x), list(lines[1].y)) == ([1, 2], [1.8, 1.2])
    assert (lines[0].line.dash, lines[1].line.dash) == ("dash", "solid")
    assert [line.line.color for line in lines] == ["#0072B2", "#0072B2", "#D55E00"]
    assert [line.showlegend for line in lines] == [False, True, True], "each run is named once"
    assert figure.layout.yaxis.title.text == "loss"


def test_the_gap_is_marked_at_the_last_epoch_of_both() -> None:
    assert gap(TRAIN, VALIDATION) == (2, 1.0, 1.2)
    assert gap(TRAIN, [(3, math.nan), (9, 1.0)]) is None
    assert gap([], VALIDATION) is None
    (bar,) = [line for line in learning_curves({"a": (TRAIN, VALIDATION)}, "loss").data if line.name is None]
    assert list(bar.x) == [2, 2, 2]
    assert list(bar.y) == [1.0, pytest.approx(1.1), 1.2]
    assert bar.text[1] == "\u2002gap 0.200"
    shares = learning_curves({"a": ([(1, 0.9)], [(1, 0.65)])}, "accuracy", percent=True)
    assert [line.text[1] for line in shares.data if line.text] == ["\u2002gap 25.0 points"]


def test_the_gaps_of_several_runs_stand_in_the_legend_where_they_do_not_lie_upon_one_another() -> None:
    figure = learning_curves({"a": (TRAIN, VALIDATION), "b": (TRAIN, VALIDATION), "c": ([], VALIDATION)}, "loss")
    assert [line.name for line in figure.data if line.showlegend] == ["a, gap 0.200", "b, gap 0.200", "c"]
    assert not any(line.text for line in figure.data)
    assert [list(line.x) for line in figure.data if line.line.width == 4] == [[2, 2, 2], [2, 2, 2]]


def test_the_start_of_over_fitting_is_marked() -> None:
    figure = learning_curves({"a": (TRAIN, VALIDATION), "b": (TRAIN, VALIDATION)}, "loss", marks={"b": 2})
    (line,) = figure.layout.shapes
    assert (line.x0, line.x1, line.line.color) == (2, 2, "#D55E00")
    assert figure.layout.annotations[0].text == "over-fits since epoch 2"
    (ring,) = [trace for trace in figure.data if trace.marker.symbol == "circle-open"]
    assert (ring.x[0], ring.y[0]) == (2, 1.2)


def test_rates_are_logarithmic_and_zero_is_left_out() -> None:
    figure = rate_curves({"a": [(1, 0.1), (2, 0.01), (3, 0.0)], "b": []}, "learning rate")
    (line,) = figure.data
    assert (list(line.x), list(line.y)) == ([1, 2], [0.1, 0.01])
    assert figure.layout.yaxis.type == "log"


def test_training_within_epochs_is_a_thin_line_under_the_others() -> None:
    within = {"a": [(0.5, 3.0), (1.5, 1.5)], "b": [(0.25, 4.0), (0.5, 3.5)]}
    figure = learning_curves({"a": (TRAIN, VALIDATION), "b": ([], [])}, "loss", within=within)
    steps = [line for line in figure.data if line.meta == "steps"]
    assert list(figure.data[:2]) == steps, "what comes first lies below"
    assert [(line.name, list(line.x), list(line.y)) for line in steps] == [
        ("a", [0.5, 1.5], [3.0, 1.5]), ("b", [0.25, 0.5], [4.0, 3.5]),
    ]  # fmt: skip
    assert [(line.line.color, line.line.width, line.showlegend) for line in steps] == [
        ("#0072B2", 1, False), ("#D55E00", 1, True),
    ]  # fmt: skip
    (bar,) = [line for line in figure.data if line.line.width == 4]
    assert list(bar.x) == [2, 2, 2], "the gap is that of the epochs"
    rates = rate_curves({"a": [(1, 0.1)]}, "learning rate", {"a": [(0.25, 0.0), (0.5, 0.2)]})
    assert [(line.meta, list(line.x), list(line.y)) for line in rates.data] == [
        ("steps", [0.5], [0.2]), (None, [1], [0.1]),
    ]  # fmt: skip


def test_many_points_are_drawn_as_the_means_of_a_few() -> None:
    assert thinned([(1, 2.0), (2, 4.0), (3, 9.0), (4, 1.0), (5, 7.0)], most=3) == [(1.5, 3.0), (3.5, 5.0), (5, 7.0)]
    assert thinned([(1, 2.0), (2, 4.0)], most=2) == [(1, 2.0), (2, 4.0)]
    assert thinned([], most=3) == []
    assert len(thinned([(i, 0.0) for i in range(17_280)])) <= 400, "a day, a point each five seconds"


def test_nothing_and_a_single_point() -> None:
    assert not learning_curves({"a": ([], [])}, "loss").data
    (point,) = learning_curves({"a": ([], [(1, 0.5)])}, "loss").data
    assert point.mode == "lines+markers", "a line of one point would not be seen"
    assert len(set(run_colours([str(i) for i in range(8)]).values())) == 8
