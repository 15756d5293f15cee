"""Figures of a sweep: what is drawn is what was given."""

from __future__ import annotations

import math

import pytest

from fer_core.plots.sweep import best_so_far, key_importance, parallel_coordinates, sweep_history


def test_the_best_so_far() -> None:
    values = [None, 0.5, 0.4, None, 0.6, math.nan]
    assert best_so_far(values, "maximize") == [None, 0.5, 0.5, 0.5, 0.6, 0.6]
    assert best_so_far(values, "minimize") == [None, 0.5, 0.4, 0.4, 0.4, 0.4]
    assert best_so_far([], "minimize") == []


def test_history() -> None:
    figure = sweep_history([0.5, None, 0.4, None], [None, 0.1, None, None], "val_accuracy", "maximize")
    complete, pruned, best = figure.data
    assert (complete.x, complete.y) == ((0, 2), (0.5, 0.4))
    assert (pruned.x, pruned.y) == ((1,), (0.1,))
    assert (best.x, best.y) == ((0, 1, 2, 3), (0.5, 0.5, 0.5, 0.5))
    assert complete.name == "complete (n = 2)"
    assert len(sweep_history([None], [None], "val_loss", "minimize").data) == 0


def test_importance_has_the_greatest_at_the_top() -> None:
    (bars,) = key_importance({"a": 0.2, "b": 0.7, "c": 0.1}).data
    assert bars.y == ("c", "a", "b")  # Plotly begins at the bottom
    assert bars.text == ("10%", "20%", "70%")


def test_parallel_coordinates() -> None:
    trials = [
        {"rate": 0.001, "hidden": "[100]", "size": 32, "late": 1},
        {"rate": 0.1, "hidden": "[50]", "size": 64},
    ]
    (lines,) = parallel_coordinates(trials, [0.25, 0.5], "val_accuracy", "maximize", ["rate"]).data
    rate, hidden, size, metric = lines.dimensions
    assert rate.values == pytest.approx((-3, -1))
    assert rate.ticktext == ("0.001", "0.0032", "0.01", "0.032", "0.1")
    assert (hidden.values, hidden.ticktext) == ((0, 1), ("[100]", "[50]"))
    assert size.values == (32, 64)
    assert (metric.label, metric.values) == ("val_accuracy", (0.25, 0.5))
    assert tuple(lines.line.color) == (0.25, 0.5)
    assert lines.line.reversescale is False  # the last colour is that of the highest, which is the best
    (few,) = parallel_coordinates([{"rate": 0.1}], [1.0], "val_loss", "minimize", ["rate"]).data
    assert few.dimensions[0].ticktext == ("0.1",)
    assert few.line.reversescale is True
    assert len(parallel_coordinates([], [], "val_loss", "minimize").data[0].dimensions) == 1
