"""The time line of expressions."""

from __future__ import annotations

from fer_core.labels import FER7, colour
from fer_core.live import Span
from fer_core.plots.timeline import expression_timeline

SPANS = [
    Span(1, 0.0, 2.0, "happy", 0.9),
    Span(1, 2.0, 2.5, "unsure", 0.3),
    Span(2, 1.0, 4.0, "sad", 0.6),
    Span(1, 2.5, 3.0, "happy", 0.7),
]


def test_bars_stand_where_the_spans_are() -> None:
    figure = expression_timeline(SPANS, [(4.0, 6.0)], FER7.names)
    bars = {trace.name: trace for trace in figure.data}
    assert list(bars) == ["happy", "sad", "unsure", "no face"]  # in the order of the classes
    happy = bars["happy"]
    assert (list(happy.base), list(happy.x), list(happy.y)) == ([0.0, 2.5], [2.0, 0.5], ["face 1", "face 1"])
    assert happy.marker.color == colour("happy")
    assert (list(bars["sad"].base), list(bars["sad"].x), list(bars["sad"].y)) == ([1.0], [3.0], ["face 2"])
    assert bars["unsure"].marker.color not in FER7.colours()
    empty = bars["no face"]
    assert (list(empty.base), list(empty.x), list(empty.y)) == ([4.0], [2.0], ["no face"])
    assert empty.marker.pattern.shape == "/"
    assert list(figure.layout.yaxis.categoryarray) == ["face 1", "face 2", "no face"]


def test_classes_of_another_model_are_kept() -> None:
    figure = expression_timeline([Span(1, 0, 1, "contempt", 0.9), Span(1, 1, 2, "fear", 0.9)], [], FER7.names)
    assert [trace.name for trace in figure.data] == ["fear", "contempt"]


def test_faces_are_in_the_order_of_their_numbers() -> None:
    figure = expression_timeline([Span(i, 0, 1, "happy", 0.9) for i in (10, 2, 1)], [], FER7.names)
    assert list(figure.layout.yaxis.categoryarray) == ["face 1", "face 2", "face 10"]
    assert not expression_timeline([], [], FER7.names).data
