"""Figures: the numbers that went in are the numbers that are drawn, in the classes' order and colours."""

from __future__ import annotations

import numpy as np
import pytest

from fer_core.faces import Face
from fer_core.labels import FER7, ClassSet
from fer_core.plots.boxes import draw_boxes, fit_within
from fer_core.plots.probabilities import probability_bars
from fer_core.plots.recall import recall_dots
from fer_core.predict import FacePrediction

ORANGE = (230, 159, 0)  # happy, #E69F00
GREEN = (0, 158, 115)  # disgust, #009E73


def prediction(box: tuple[float, float, float, float], label: str) -> FacePrediction:
    probabilities = np.full(7, 0.05)
    probabilities[FER7.index(label)] = 0.7
    return FacePrediction(Face(box, 0.9), np.zeros((8, 8, 3), np.uint8), probabilities, FER7)


def test_bars_keep_order_colour_and_value() -> None:
    values = [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.021, 0.01025]
    bar = probability_bars(values, FER7).data[0]
    assert list(bar.x) == values
    assert list(bar.y) == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    assert bar.marker.color[3] == "#E69F00"
    assert list(bar.text) == ["50.0 %", "25.0 %", "12.5 %", "6.2 %", "3.1 %", "2.1 %", "1.0 %"]


def test_recall_dots_show_n_and_the_intervals_ends() -> None:
    classes = ClassSet("two", ("happy", "sad"))
    rows = {
        "happy": {"n": 1200, "recall": 0.5, "recall_interval": [0.4, 0.65]},
        "sad": {"n": 0, "recall": None, "recall_interval": [None, None]},
    }
    dots = recall_dots(rows, classes).data[0]
    assert list(dots.y) == ["happy (n = 1,200)", "sad (n = 0)"]
    assert list(dots.x) == [0.5, None]
    assert dots.error_x.array == pytest.approx((0.15, 0))
    assert dots.error_x.arrayminus == pytest.approx((0.1, 0))


def test_boxes_are_drawn_where_the_faces_are_in_their_class_colour() -> None:
    image = np.full((320, 640, 3), 255, np.uint8)
    drawn = draw_boxes(image, [prediction((100, 100, 80, 60), "happy"), prediction((400, 50, 60, 60), "disgust")])
    assert tuple(drawn[160, 140]) == ORANGE  # middle of the lower edge: y = 100 + 60
    assert tuple(drawn[80, 460]) == GREEN  # middle of the right edge: x = 400 + 60
    assert (drawn[130, 140] == 255).all(), "inside stays as it is"
    assert (image == 255).all(), "the picture given is not drawn on"


def test_boxes_follow_the_factor_and_survive_the_edge() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    drawn = draw_boxes(image, [prediction((-40, -40, 160, 120), "happy")], factor=0.5, chosen=0)
    assert tuple(drawn[40, 30]) == ORANGE  # lower edge at (-40 + 120) / 2
    assert tuple(drawn[20, 60]) == ORANGE  # right edge at (-40 + 160) / 2


def test_fit_within_shrinks_only() -> None:
    small = np.zeros((10, 20, 3), np.uint8)
    same, factor = fit_within(small, 20)
    assert same is small
    assert factor == 1.0
    shrunk, factor = fit_within(np.zeros((1000, 500, 3), np.uint8), 250)
    assert shrunk.shape == (250, 125, 3)
    assert factor == 0.25
