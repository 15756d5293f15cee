"""Figures of the Errors and Compare pages: the numbers that went in are those that are drawn."""

import numpy as np
import pytest
from scipy.stats import binomtest

from fer_core.evaluate.compare import Interval, compare
from fer_core.evaluate.errors import confusion, precision_recall, subtract
from fer_core.evaluate.errors.learning import Measured, fitted_curve
from fer_core.evaluate.reliability import reliability, votes_against_confidence
from fer_core.evaluate.slices import find_slices
from fer_core.labels import FER7, ClassSet
from fer_core.plots.calibration import doubt_against_votes, reliability_diagram
from fer_core.plots.compare import (
    accuracy_against_latency,
    agreement_map,
    difference_forest,
    on_front,
    robustness_curves,
)
from fer_core.plots.confusion import confusion_map
from fer_core.plots.lens import learning_figure, precision_recall_curves, slice_dots
from tests.fer_core.evaluate.tables import table


def test_every_cell_of_the_matrix_can_be_clicked() -> None:
    counts, classes = np.array([[8, 2, 0], [1, 0, 4], [0, 0, 0]]), ClassSet("abc", ("a", "b", "c"))
    figure = confusion_map(counts, classes)
    heat, clicks = figure.data
    np.testing.assert_array_equal(heat.z, counts)
    assert [list(c) for c in clicks.customdata][:4] == [["a", "a"], ["a", "b"], ["a", "c"], ["b", "a"]]
    assert (clicks.x[5], clicks.y[5], clicks.text[5]) == ("c", "b", "4")
    assert clicks.marker.opacity == 0.01
    assert [a.text for a in figure.layout.annotations][:3] == ["8", "2", "0"]


def test_shares_and_classes_without_samples() -> None:
    counts, classes = np.array([[8, 2], [0, 0]]), ClassSet("ab", ("a", "b"))
    shares = np.array([[0.8, 0.2], [np.nan, np.nan]])
    figure = confusion_map(counts, classes, shares)
    assert [a.text for a in figure.layout.annotations] == ["80.0", "20.0", "", ""]
    assert list(figure.data[1].text) == ["8 (80.0 %)", "2 (20.0 %)", "0", "0"]


def test_a_subtracted_matrix_is_signed_and_bold_where_it_counts() -> None:
    first, second = table(400, seed=1, skill=3), table(400, seed=2, skill=0.5)
    found = subtract(first, second)
    figure = confusion_map(found.counts, FER7, found.shares, p=found.p)
    assert figure.data[0].zmin == -figure.data[0].zmax
    last = figure.layout.annotations[-1].text
    assert last == f"<b>+{100 * found.shares[6, 6]:.1f}</b>"


def test_reliability_is_drawn_where_there_are_samples() -> None:
    given = table(200)
    found = reliability(given.confidence, given.right)
    line = next(t for t in reliability_diagram({"m": found}).data if t.mode == "lines+markers")
    bins = [b for b in found.bins if b.n]
    assert list(line.x) == [b.confidence for b in bins]
    assert list(line.y) == [b.accuracy for b in bins]
    assert line.error_y.array[0] == pytest.approx(bins[0].interval[1] - bins[0].accuracy)
    votes = votes_against_confidence(given.probabilities, given.right, np.arange(200) % 5 / 2)
    doubt = doubt_against_votes(votes)
    assert list(doubt.data[0].y) == [row[3] for row in votes.bins]
    n, right = votes.bins[0][2], votes.bins[0][4]
    bounds = binomtest(round(n * right), n).proportion_ci(method="wilson")
    bars = doubt.data[1].error_y
    assert (bars.array[0], bars.arrayminus[0]) == pytest.approx((bounds.high - right, right - bounds.low))


def test_each_model_of_a_legend_has_a_line_above_the_chart() -> None:
    given = table(200)
    found = reliability(given.confidence, given.right)
    one, four = (reliability_diagram({f"m{i}": found for i in range(n)}).layout for n in (1, 4))
    assert four.margin.t - one.margin.t == four.height - one.height == 60
    assert (four.legend.y, four.legend.yanchor) == (1, "bottom")


def test_curves_have_the_colours_of_their_classes() -> None:
    given = table(300)
    curves = {n: precision_recall(given.probabilities[:, i], given.labels == i) for i, n in enumerate(FER7.names)}
    curves["sad"] = precision_recall(given.probabilities[:, 4], np.zeros(300, dtype=bool))
    figure = precision_recall_curves(curves, FER7.names, {"happy": (0.5, 0.6)})
    lines = [t for t in figure.data if t.mode == "lines"]
    assert [t.name.split()[0] for t in lines] == [n for n in FER7.names if n != "sad"]
    assert lines[3].line.color == "#E69F00"
    cross = next(t for t in figure.data if t.mode == "markers")
    assert (cross.x[0], cross.y[0]) == (0.5, 0.6)


def test_slices_and_their_places() -> None:
    wrong = np.arange(1000) % 10 < np.where(np.arange(1000) < 250, 6, 2)
    found = find_slices(wrong, {"x": np.arange(1000.0)})
    dots = slice_dots(found).data[0]
    assert list(dots.x) == [one.error for one in found.found]
    assert dots.customdata[0][0] == 0
    assert dots.y[0] == "x 0 to 249 (n = 250)"
    assert len(slice_dots(find_slices(wrong, {})).data[0].x) == 0


def test_the_learning_curve_passes_through_its_law() -> None:
    samples = np.array([50, 100, 200, 400])
    curve = fitted_curve(Measured(samples, np.stack([1 - 2.0 * samples**-0.35] * 2, axis=1), 5000))
    law = next(t for t in learning_figure(curve, "fear", FER7.names).data if t.name == "power law")
    assert law.y[0] == pytest.approx(1 - 2.0 * 50**-0.35, abs=0.01)
    assert law.line.color == "#CC79A7"


def test_differences_are_filled_where_they_count() -> None:
    [pair], _ = compare([table(400, seed=1, skill=3), table(400, seed=2, skill=0.5)], draws=100)
    dots = difference_forest(pair).data[0]
    assert dots.x[0] == pair.differences["accuracy"].value
    assert dots.y[3] == f"recall angry (n = {pair.classes[0].n})"
    assert dots.marker.symbol[0] == "circle"
    assert dots.marker.symbol[3] == ("circle" if pair.classes[0].p_holm < 0.05 else "circle-open")


def test_the_front() -> None:
    assert on_front([1, 2, 3, 2], [0.5, 0.7, 0.6, 0.7]) == [True, True, False, True]
    models = {"a": (1.0, Interval(0.5, 0.4, 0.6)), "b": (3.0, Interval(0.45, 0.4, 0.5))}
    line, dots = accuracy_against_latency(models).data
    assert list(line.x) == [1.0]
    assert list(dots.text) == ["a", "b"]
    assert dots.error_y.array[0] == pytest.approx(0.1)
    named = [(a.text, a.x, a.y) for a in accuracy_against_latency(models).layout.annotations]
    assert named == [("a", 0.0, 0.6), ("b", pytest.approx(np.log10(3)), 0.5)]  # at the upper bound, on a log axis


def test_agreement_and_robustness() -> None:
    figure = agreement_map(np.array([[1, 0.25], [0.25, np.nan]]), ["a", "b"])
    assert [list(row) for row in figure.data[0].text] == [["100.0", "25.0"], ["25.0", ""]]
    curve = {
        "severities": [0, 4], "unit": "noise", "n_of_class": {"happy": 9, "sad": 0},
        "recall": {"happy": [0.9, 0.5], "sad": [None, None]},
        "recall_interval": {"happy": [[0.7, 0.95], [0.3, 0.7]], "sad": [[None, None], [None, None]]},
        "accuracy": [0.8, 0.4], "accuracy_interval": [[0.7, 0.9], [0.3, 0.5]],
    }  # fmt: skip
    curves = robustness_curves(curve)
    assert [t.name for t in curves.data] == ["happy", "top-1"]
    assert curves.data[0].line.color == "#E69F00"
    assert list(curves.data[1].y) == [0.8, 0.4]
    assert curves.data[0].error_y.array == pytest.approx([0.05, 0.2])
    assert curves.data[0].error_y.arrayminus == pytest.approx([0.2, 0.2])


def test_counts_of_a_real_table_are_drawn() -> None:
    found = confusion(table(100))
    np.testing.assert_array_equal(confusion_map(found.counts, FER7).data[0].z, found.counts)
