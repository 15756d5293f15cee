"""Figures of a data set: the numbers that went in are the numbers that are drawn, in the classes' order and colours."""

from __future__ import annotations

import numpy as np
import pytest

from fer_core.labels import FER7, ClassSet
from fer_core.plots.balance import class_balance
from fer_core.plots.scatter import class_scatter
from fer_core.plots.votes import vote_bars

HAPPY, SAD, FEAR = "#E69F00", "#0072B2", "#CC79A7"
CLASSES = ("happy", "sad")
COUNTS = [
    {"label": "sad", "split": "train", "n": 1500},
    {"label": "happy", "split": "train", "n": 500},
    {"label": None, "split": "train", "n": 77},
    {"label": "sad", "split": "test", "n": 3},
]


def test_votes_of_those_that_have_any_in_the_order_given() -> None:
    figure = vote_bars({"sad": 3.0, "fear": 0.0, "happy": 7.0, "unknown": 1.0}, FER7.names)
    (bar,) = figure.data
    assert list(bar.y) == ["sad", "happy", "unknown"]
    assert list(bar.x) == [3, 7, 1]
    assert list(bar.marker.color[:2]) == [SAD, HAPPY]
    assert figure.layout.yaxis.autorange == "reversed", "the first one stands on top"
    assert figure.layout.height > vote_bars({"sad": 1.0}, FER7.names).layout.height


def test_no_votes_are_an_empty_figure() -> None:
    assert list(vote_bars({}, FER7.names).data[0].x or []) == []
    assert list(vote_bars({"sad": 0.0}, FER7.names).data[0].x or []) == []


def test_balance_in_numbers() -> None:
    figure = class_balance(COUNTS, CLASSES)
    train, test = figure.data
    assert (train.name, test.name) == ("train (n = 2,000)", "test (n = 3)")
    assert list(train.x) == list(test.x) == ["happy", "sad"]
    assert list(train.y) == [500, 1500]
    assert list(test.y) == [0, 3]
    assert list(train.marker.color) == [HAPPY, SAD]
    assert train.marker.pattern.shape != test.marker.pattern.shape, "splits are told apart without colour"
    assert np.array(train.customdata).tolist() == [[500, 0.25], [1500, 0.75]]
    assert not figure.layout.shapes


def test_balance_in_shares_leaves_out_what_has_no_label() -> None:
    figure = class_balance(COUNTS, CLASSES, shares=True)
    assert [list(bar.y) for bar in figure.data] == [[0.25, 0.75], [0.0, 1.0]]
    (line,) = figure.layout.shapes
    assert line.y0 == line.y1 == pytest.approx(1 / 2)


def test_balance_of_nothing() -> None:
    assert class_balance([], CLASSES).data == ()
    assert class_balance([{"label": None, "split": "train", "n": 5}], CLASSES, shares=True).data == ()


def scattered(values: list[str | None], classes: tuple[str, ...]) -> dict[str, tuple[list[int], str]]:
    """By the name in the legend the rows that are drawn, and the colour."""
    n = len(values)
    places = np.stack([np.arange(n), -np.arange(n)], axis=1).astype(np.float32)
    figure = class_scatter(places, np.arange(n) + 100, values, classes)
    drawn = {}
    for dots in figure.data:
        rows = np.asarray(dots.customdata)[:, 0]
        assert list(dots.x) == [row - 100 for row in rows], "a row lies where its place is"
        assert list(dots.y) == [100 - row for row in rows]
        drawn[dots.name] = (rows.tolist(), dots.marker.color)
    return drawn


def test_dots_in_the_classes_order_and_colours() -> None:
    found = scattered(["sad", "happy", None, "sad"], CLASSES)
    assert list(found) == ["happy (1)", "sad (2)", "none (1)"]
    assert found["sad (2)"] == ([100, 103], SAD)
    assert found["happy (1)"] == ([101], HAPPY)
    assert found["none (1)"][0] == [102]


def test_what_a_checkpoint_says_is_drawn_even_where_the_data_set_lacks_the_class() -> None:
    found = scattered(["fear", "sad", "boredom", "awe"], CLASSES)
    assert list(found) == ["sad (1)", "awe (1)", "boredom (1)", "fear (1)"]
    assert found["fear (1)"] == ([100], FEAR)
    assert len({colour for _, colour in found.values()}) == 4


def test_splits_and_outcomes() -> None:
    found = scattered(["test", "train", "train", "wrong", "right"], CLASSES)
    assert list(found) == ["train (2)", "test (1)", "right (1)", "wrong (1)"]
    assert len({colour for _, colour in found.values()}) == 4


def test_a_class_called_like_a_split_is_drawn_once() -> None:
    classes = ClassSet("odd", ("test", "none")).names
    found = scattered(["test", "none", "test"], classes)
    assert {name: rows for name, (rows, _) in found.items()} == {"test (2)": [100, 102], "none (1)": [101]}


def test_no_dots() -> None:
    empty = class_scatter(np.zeros((0, 2), np.float32), np.zeros(0, np.int64), [], CLASSES)
    assert empty.data == ()
