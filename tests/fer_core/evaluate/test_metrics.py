"""Figures against scikit-learn, SciPy and torchmetrics, and against small tables worked out by hand."""

import functools
import json
import math
import warnings

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics as sk
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_calibration_error,
    multiclass_confusion_matrix,
    multiclass_f1_score,
)

from fer_core.errors import DataError
from fer_core.evaluate.metrics import confusion_matrix, expected_calibration_error, score, wilson_interval
from fer_core.labels import FER7, ClassSet

ABC = ClassSet("abc", ("a", "b", "c"))


def answers(n: int = 500, k: int = 7, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities that are right more often than not, of classes of unequal size."""
    chance = np.random.default_rng(seed)
    labels = chance.choice(k, n, p=np.arange(1, k + 1) / (k * (k + 1) / 2))
    probabilities = chance.dirichlet(np.full(k, 0.4), n)
    probabilities[np.arange(n), labels] += 0.6
    return probabilities / probabilities.sum(1, keepdims=True), labels.astype(np.int64)


def test_against_scikit_learn() -> None:
    close = functools.partial(pytest.approx, rel=0, abs=1e-9)
    probabilities, labels = answers()
    predicted = probabilities.argmax(1)
    found = score(probabilities, labels, FER7)
    assert 0.5 < found.accuracy < 0.95
    assert found.n == 500
    assert found.accuracy == close(sk.accuracy_score(labels, predicted))
    assert found.balanced_accuracy == close(sk.balanced_accuracy_score(labels, predicted))
    assert found.macro_f1 == close(sk.f1_score(labels, predicted, average="macro"))
    assert found.log_loss == close(sk.log_loss(labels, probabilities, labels=range(7)))
    np.testing.assert_array_equal(found.confusion, sk.confusion_matrix(labels, predicted, labels=range(7)))
    precision, recall, f1, support = sk.precision_recall_fscore_support(labels, predicted, labels=range(7))
    assert tuple(found.per_class) == found.classes == FER7.names
    for i, one in enumerate(found.per_class.values()):
        assert (one.n, one.recall, one.precision, one.f1) == close((support[i], recall[i], precision[i], f1[i]))


def test_against_torchmetrics() -> None:
    probabilities, labels = answers(2000)
    found = score(probabilities, labels, FER7)
    p, y = torch.from_numpy(probabilities), torch.from_numpy(labels)
    np.testing.assert_array_equal(found.confusion, multiclass_confusion_matrix(p, y, num_classes=7).numpy())
    close = functools.partial(pytest.approx, rel=0, abs=1e-7)  # theirs are single precision
    assert found.accuracy == close(float(multiclass_accuracy(p, y, num_classes=7, average="micro")))
    assert found.balanced_accuracy == close(float(multiclass_accuracy(p, y, num_classes=7, average="macro")))
    assert found.macro_f1 == close(float(multiclass_f1_score(p, y, num_classes=7, average="macro")))


def test_a_table_worked_out_by_hand() -> None:
    #           said  a  b  c
    # true a, 3 faces   2  1  0    recall 2/3, precision 2/2, F1 2*2 / (3 + 2)
    # true b, 2 faces   0  1  1    recall 1/2, precision 1/3, F1 2*1 / (2 + 3)
    # true c, 1 face    0  1  0    recall 0/1, precision 0/1, F1 0
    labels = np.array([0, 0, 0, 1, 1, 2])
    said = np.array([0, 0, 1, 1, 2, 1])
    probabilities = np.full((6, 3), 0.2)
    probabilities[np.arange(6), said] = 0.6
    found = score(probabilities, labels, ABC)
    assert found.confusion.tolist() == [[2, 1, 0], [0, 1, 1], [0, 1, 0]]
    assert found.accuracy == pytest.approx(3 / 6)
    assert found.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    a, b, c = found.per_class.values()
    assert (a.recall, a.precision, a.f1) == pytest.approx((2 / 3, 1, 4 / 5))
    assert (b.recall, b.precision, b.f1) == pytest.approx((1 / 2, 1 / 3, 2 / 5))
    assert (c.recall, c.precision, c.f1) == (0, 0, 0)
    assert found.macro_f1 == pytest.approx((4 / 5 + 2 / 5) / 3)
    assert found.log_loss == pytest.approx(-(3 * math.log(0.6) + 3 * math.log(0.2)) / 6)
    # Always 60 % sure, half of it right: a gap of 0.1 in one bin.
    assert found.ece == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (2512, 3589, 0.685, 0.715),  # the examples of docs/pitfalls: 70 % of 3,589, 60 % of 55
        (33, 55, 0.468, 0.719),
    ],
)
def test_wilson_intervals_of_the_documentation(k: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(k, n) == pytest.approx((low, high), abs=5e-4)


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 10), (10, 10), (3, 7), (1, 1000), (999, 1000), (2512, 3589)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilson_intervals_against_scipy(k: int, n: int, confidence: float) -> None:
    expected = binomtest(k, n).proportion_ci(confidence, method="wilson")
    assert wilson_interval(k, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-9)
    low, high = wilson_interval(k, n, confidence)
    assert 0 <= low <= k / n <= high <= 1


def test_wilson_by_hand() -> None:
    # One of two under z = 1.96: (1 + z^2/2) / (2 + z^2) is 0.5, the half width z / (2 + z^2) * sqrt(1/2 + z^2/4).
    z = 1.959963984540054
    half = z / (2 + z * z) * math.sqrt(0.5 + z * z / 4)
    assert wilson_interval(1, 2) == pytest.approx((0.5 - half, 0.5 + half))
    assert all(math.isnan(v) for v in wilson_interval(0, 0))


def test_intervals_of_the_scores() -> None:
    probabilities, labels = answers(200)
    found = score(probabilities, labels, FER7)
    right = round(found.accuracy * 200)
    assert found.accuracy_interval == wilson_interval(right, 200)
    for name, one in found.per_class.items():
        i = FER7.index(name)
        assert one.recall_interval == wilson_interval(int(found.confusion[i, i]), one.n)


def test_calibration_worked_out_by_hand() -> None:
    # Bins of 1/15: 0.95 lies in (14/15, 1], 0.62 and 0.65 in (9/15, 10/15], 0.5 in (7/15, 8/15].
    top = np.array([0.95, 0.95, 0.62, 0.65, 0.5])
    right = np.array([True, True, False, True, False])
    probabilities = np.column_stack([top, 1 - top])
    labels = np.where(right, 0, 1)
    labels[4] = 1  # 0.5 against 0.5: the first class is taken, and it is wrong
    # |2 - 1.9| + |1 - 1.27| + |0 - 0.5| = 0.1 + 0.27 + 0.5, over 5 samples.
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0.87 / 5)
    assert expected_calibration_error(np.eye(3), np.array([0, 1, 2])) == 0
    assert expected_calibration_error(np.eye(3), np.array([1, 2, 0])) == 1
    # Always 70 % sure and right seven times in ten: perfectly calibrated.
    even = np.tile([0.7, 0.3], (10, 1))
    assert expected_calibration_error(even, np.array([0] * 7 + [1] * 3)) == pytest.approx(0, abs=1e-12)


def test_two_gaps_in_one_bin_cancel_and_in_two_do_not() -> None:
    # 0.68 and 0.72 share the bin (10/15, 11/15]: 0.32 under and 0.72 over leave 0.4. Either side of 10/15 they add up.
    together = np.array([[0.68, 0.32], [0.72, 0.28]])
    apart = np.array([[0.64, 0.36], [0.69, 0.31]])
    labels = np.array([0, 1])
    assert expected_calibration_error(together, labels) == pytest.approx((0.72 - 0.32) / 2)
    assert expected_calibration_error(apart, labels) == pytest.approx((0.36 + 0.69) / 2)


@pytest.mark.parametrize("seed", range(3))
def test_calibration_against_torchmetrics(seed: int) -> None:
    chance = np.random.default_rng(seed)
    probabilities = chance.dirichlet(np.full(7, 0.4), 2000)
    # Right in six of ten, however sure: not sure enough at one end and too sure at the other.
    labels = np.where(chance.random(2000) < 0.6, probabilities.argmax(1), chance.integers(0, 7, 2000))

    def theirs(bins: int) -> float:
        p, y = torch.from_numpy(probabilities), torch.from_numpy(labels)
        return float(multiclass_calibration_error(p, y, num_classes=7, n_bins=bins, norm="l1"))

    assert expected_calibration_error(probabilities, labels) == pytest.approx(
        theirs(15), abs=1e-6
    )  # theirs in single precision
    assert abs(theirs(15) - theirs(10)) > 1e-5  # the number of bins does matter here


def test_a_class_without_samples_is_nan_and_not_zero() -> None:
    probabilities, labels = answers(300)
    labels = np.where(labels == 2, 0, labels)  # no fear; it is still predicted
    found = score(probabilities, labels, FER7)
    fear = found.per_class["fear"]
    assert fear.n == 0
    assert math.isnan(fear.recall)
    assert math.isnan(fear.f1)
    assert all(math.isnan(v) for v in fear.recall_interval)
    assert fear.precision == 0  # it was said, and never right
    predicted = probabilities.argmax(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn remarks on the class without samples
        expected = sk.balanced_accuracy_score(labels, predicted)
        there = [0, 1, 3, 4, 5, 6]
        macro_f1 = sk.f1_score(labels, predicted, labels=there, average="macro")
    assert found.balanced_accuracy == pytest.approx(expected)
    assert found.macro_f1 == pytest.approx(macro_f1)
    json_row = found.as_json()["per_class"]["fear"]
    assert json_row == {"n": 0, "recall": None, "recall_interval": [None, None], "precision": 0.0, "f1": None}


def test_a_class_that_is_never_said_has_no_precision() -> None:
    found = score(np.tile([0.9, 0.1, 0.0], (4, 1)), np.array([0, 0, 1, 1]), ABC)
    b = found.per_class["b"]
    assert (b.n, b.recall, b.f1) == (2, 0, 0)
    assert math.isnan(b.precision)


def test_no_samples_at_all() -> None:
    found = score(np.zeros((0, 7)), np.zeros(0, np.int64), FER7)
    assert found.n == 0
    for value in (found.accuracy, found.balanced_accuracy, found.macro_f1, found.log_loss, found.ece):
        assert math.isnan(value)
    assert found.confusion.tolist() == np.zeros((7, 7)).tolist()
    plain = found.as_json()
    assert plain["accuracy"] is None
    assert plain["accuracy_interval"] == [None, None]
    json.dumps(plain, allow_nan=False)


def test_order_of_the_samples_does_not_matter() -> None:
    probabilities, labels = answers(400)
    turned = np.random.default_rng(9).permutation(400)
    one = score(probabilities, labels, FER7).as_json()
    other = score(probabilities[turned], labels[turned], FER7).as_json()
    for key in ("log_loss", "ece"):  # sums in another order
        assert one.pop(key) == pytest.approx(other.pop(key))
    assert one == other


def test_order_of_the_classes_does_not_matter() -> None:
    probabilities, labels = answers(400)
    turned = np.array([3, 0, 6, 1, 5, 2, 4])  # position of the new order's classes in the old one
    other_set = ClassSet("turned", tuple(FER7.names[i] for i in turned))
    one = score(probabilities, labels, FER7)
    other = score(probabilities[:, turned], np.argsort(turned)[labels], other_set)
    for figure in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece"):
        assert getattr(one, figure) == pytest.approx(getattr(other, figure))
    assert one.per_class == other.per_class
    np.testing.assert_array_equal(one.confusion[np.ix_(turned, turned)], other.confusion)


def test_rows_are_true_classes_and_columns_predicted_ones() -> None:
    assert confusion_matrix(np.array([0, 0, 2]), np.array([1, 1, 0]), 3).tolist() == [[0, 2, 0], [0, 0, 0], [1, 0, 0]]


def test_a_certain_mistake_is_clipped() -> None:
    found = score(np.array([[1.0, 0.0, 0.0]]), np.array([1]), ABC)
    assert found.log_loss == pytest.approx(15 * math.log(10))


@pytest.mark.parametrize(
    ("shape", "labels", "said"),
    [
        ((2, 6), [0, 1], r"2 labels over 7 classes need probabilities of the shape \(2, 7\), not \(2, 6\)"),
        ((3, 7), [0, 1], r"not \(3, 7\)"),
        ((7,), [0], r"not \(7,\)"),
        ((2, 7), [0, 7], r"Labels lie in 0..7, but FER7 has 7 classes"),
        ((2, 7), [-1, 3], r"Labels lie in -1..3"),
    ],
)
def test_what_does_not_fit(shape: tuple[int, ...], labels: list[int], said: str) -> None:
    with pytest.raises(DataError, match=said):
        score(np.full(shape, 1 / 7), np.array(labels), FER7)


def test_broken_predictions_are_not_scored() -> None:
    probabilities, labels = answers(5)
    probabilities[1, 2] = probabilities[4, 0] = np.nan
    with pytest.raises(DataError, match="2 of 5 predictions are NaN"):
        score(probabilities, labels, FER7)


def test_as_json_is_everything_in_plain_numbers() -> None:
    probabilities, labels = answers(50)
    found = score(probabilities, labels, FER7)
    plain = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert plain["n"] == 50
    assert plain["accuracy"] == found.accuracy
    assert plain["accuracy_interval"] == list(found.accuracy_interval)
    assert plain["classes"] == list(FER7.names)
    assert plain["confusion"] == found.confusion.tolist()
    assert plain["per_class"]["sad"]["recall"] == found.per_class["sad"].recall


def test_as_text_holds_the_same_figures() -> None:
    probabilities, labels = answers(50)
    found = score(probabilities, labels, FER7)
    lines = found.as_text().splitlines()
    assert lines[0].startswith(f"n = 50; top-1 {found.accuracy:.4f} [{found.accuracy_interval[0]:.4f}, ")
    assert f"balanced accuracy {found.balanced_accuracy:.4f}, macro-F1 {found.macro_f1:.4f}" in lines[1]
    happy = next(line for line in lines if line.startswith("happy")).split()
    assert happy[1] == str(found.per_class["happy"].n)
    assert happy[2] == f"{found.per_class['happy'].recall:.4f}"
    assert [line.split()[0] for line in lines[3:]] == list(FER7.names)
