"""Confusion, class figures, the lens and remedies, against scikit-learn and by hand."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as sk

from fer_core.errors import DataError
from fer_core.evaluate.errors import (
    class_figures,
    confusion,
    corrected_for_priors,
    lens,
    precision_recall,
    subtract,
    with_threshold,
)
from fer_core.evaluate.errors.learning import Measured, fitted_curve, measure_recalls
from fer_core.evaluate.errors.remedies import estimated_priors
from fer_core.evaluate.predictions import Predictions
from fer_core.labels import ClassSet
from tests.fer_core.evaluate.tables import permuted, table


def test_every_cell_knows_its_samples() -> None:
    given = table(300, views=2)
    found = confusion(given)
    np.testing.assert_array_equal(found.counts, sk.confusion_matrix(given.labels, given.predicted, labels=range(7)))
    names = given.classes.names
    for i, true in enumerate(names):
        for j, said in enumerate(names):
            rows = found.rows(true, said)
            expected = np.flatnonzero((given.labels == i) & (given.predicted == j))
            assert sorted(rows) == expected.tolist()
            assert (np.diff(given.confidence[rows]) <= 0).all()
            assert found.sample_ids(true, said, limit=2) == [f"sample-{r:06}" for r in rows[:2]]
    with pytest.raises(DataError, match="no class 'bored'"):
        found.rows("bored", "sad")


def test_shares_by_row_and_column() -> None:
    given = table(40).take(table(40).labels != 0)
    found = confusion(given)
    by_row, by_column = found.shares("row"), found.shares("column")
    assert np.isnan(by_row[0]).all()
    np.testing.assert_allclose(by_row[1:].sum(1), 1)
    said = np.bincount(given.predicted, minlength=7) > 0
    np.testing.assert_allclose(by_column[:, said].sum(0), 1)
    assert np.isnan(by_column[:, ~said]).all()


def test_class_figures_against_scikit_learn_and_scipy() -> None:
    given = table(500, seed=4)
    precision, recall, f1, support = sk.precision_recall_fscore_support(given.labels, given.predicted, labels=range(7))
    for i, c in enumerate(class_figures(confusion(given).counts, given.classes)):
        assert (c.precision, c.recall, c.f1, c.n) == pytest.approx(
            (precision[i], recall[i], f1[i], support[i]), abs=1e-9
        )
        hits = int((given.right & (given.labels == i)).sum())
        wilson = binomtest(hits, c.n).proportion_ci(method="wilson")
        assert c.recall_interval == pytest.approx((wilson.low, wilson.high), abs=1e-9)
        wilson = binomtest(hits, c.predicted).proportion_ci(method="wilson")
        assert c.precision_interval == pytest.approx((wilson.low, wilson.high), abs=1e-9)
        assert c.f1_interval[0] < c.f1 < c.f1_interval[1]


def test_the_interval_of_f1_is_that_of_resampling() -> None:
    given = table(300, seed=4)
    found = class_figures(confusion(given).counts, given.classes, draws=4000)[3]
    chance = np.random.default_rng(0)
    values = []
    for _ in range(1500):
        rows = chance.integers(0, 300, 300)
        values.append(sk.f1_score(given.labels[rows] == 3, given.predicted[rows] == 3))
    assert found.f1_interval == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=0.015)


def test_a_class_without_samples_is_nan() -> None:
    abc = ClassSet("abc", ("a", "b", "c"))
    nothing = class_figures(np.array([[2, 0, 1], [0, 3, 0], [0, 0, 0]]), abc)[2]
    assert nothing.n == 0
    assert all(math.isnan(v) for v in (nothing.recall, *nothing.recall_interval, nothing.f1, *nothing.f1_interval))
    assert nothing.precision == 0
    empty = class_figures(np.zeros((3, 3), dtype=np.int64), abc)
    assert all(c.n == 0 and math.isnan(c.precision) and math.isnan(c.f1) for c in empty)


def test_figures_do_not_depend_on_the_order_of_classes() -> None:
    given = table(200)
    other = permuted(given, np.random.default_rng(0).permutation(200), [3, 1, 0, 2, 6, 5, 4])
    mine = {c.name: c for c in class_figures(confusion(given).counts, given.classes)}
    theirs = {c.name: c for c in class_figures(confusion(other).counts, other.classes)}
    assert mine == theirs


def test_two_matrices_subtracted() -> None:
    first, second = table(400, seed=1, skill=3), table(400, seed=2, skill=0.5)
    found = subtract(first, second)
    np.testing.assert_array_equal(found.counts, confusion(first).counts - confusion(second).counts)
    assert found.counts.sum() == 0
    np.testing.assert_allclose(found.shares.sum(1), 0, atol=1e-12)
    of = first.labels == 6
    one, other = first.predicted[of] == 6, second.predicted[of] == 6
    p = binomtest(int((one & ~other).sum()), int((one ^ other).sum())).pvalue
    assert found.p[6, 6] == pytest.approx(49 * p, rel=1e-9)  # the smallest of 49
    same = subtract(first, first)
    assert (same.p == 1).all()
    precision = [
        sk.precision_score(one.labels, one.predicted, labels=range(7), average=None) for one in (first, second)
    ]
    said_by_both = subtract(first, second, "column").shares.diagonal()
    assert said_by_both == pytest.approx(precision[0] - precision[1])


def test_the_lens_by_hand() -> None:
    given = table(500)
    i = given.classes.index("fear")
    found = lens(given, "fear")
    mine, said = given.labels == i, given.predicted == i
    assert found.n == int(mine.sum()) == sum(f.n for f in found.goes)
    assert sum(f.n for f in found.comes) == int(said.sum())
    assert {f.name: f.n for f in found.goes}["sad"] == int((given.predicted[mine] == 4).sum())
    assert {f.name: f.share for f in found.comes}["sad"] == pytest.approx(float((given.labels[said] == 4).mean()))
    assert set(found.missed) == set(np.flatnonzero(mine & ~said))
    assert (np.diff(given.confidence[found.missed]) <= 0).all()
    assert set(found.false_alarms) == set(np.flatnonzero(said & ~mine))
    assert (np.diff(given.probabilities[found.hardest, i]) >= 0).all()


def test_precision_and_recall_against_scikit_learn() -> None:
    given = table(400)
    scores, positive = np.round(given.probabilities[:, 2], 2), given.labels == 2  # with many equal ones
    found = precision_recall(scores, positive)
    precision, recall, thresholds = sk.precision_recall_curve(positive, scores)
    np.testing.assert_allclose(found.threshold, thresholds[::-1])
    np.testing.assert_allclose(found.precision, precision[:-1][::-1])
    np.testing.assert_allclose(found.recall, recall[:-1][::-1])
    assert found.average_precision == pytest.approx(sk.average_precision_score(positive, scores), abs=1e-9)
    assert len(found.thinned(10).threshold) == 10
    nothing = precision_recall(scores, np.zeros(400, dtype=bool))
    assert nothing.n == 0
    assert math.isnan(nothing.average_precision)


def shifted(given: Predictions, name: str, by: float) -> Predictions:
    """The same model, too shy with one class."""
    logits = given.logits.copy()
    logits[:, :, given.classes.index(name)] -= by
    return Predictions(given.sample_ids, given.labels, logits, given.about)


def test_a_threshold_mends_a_class_that_is_said_too_rarely() -> None:
    given = shifted(table(3000, skill=2.0), "disgust", 4.0)
    found = with_threshold(given, "disgust", "f1")
    before, after = found.before.classes[1], found.after.classes[1]
    assert before.f1 < 0.35
    assert after.f1 > before.f1 + 0.2
    # By brute force on one half, measured on the other, F1 of every threshold.
    i, rows = 1, np.arange(3000)
    best = max(
        sk.f1_score(given.labels == i, given.probabilities[:, i] >= t)
        for t in np.quantile(given.probabilities[:, i], np.linspace(0.5, 1, 400))
    )
    assert after.f1 == pytest.approx(best, abs=0.04)
    assert found.test.n == len(rows)
    np.testing.assert_array_equal(found.test.only_first, int((given.right & (found.predicted != given.labels)).sum()))


def test_a_threshold_for_mean_recall_raises_it() -> None:
    given = shifted(table(3000, skill=2.0), "disgust", 4.0)
    found = with_threshold(given, "disgust", "balanced_accuracy")
    assert found.after.balanced_accuracy > found.before.balanced_accuracy + 0.03
    assert found.after.balanced_accuracy == pytest.approx(sk.balanced_accuracy_score(given.labels, found.predicted))
    with pytest.raises(DataError, match="there are 0"):
        with_threshold(given.take(given.labels != 1), "disgust")


def test_saerens_finds_the_priors_that_samples_were_drawn_with() -> None:
    """Two Gaussians one apart: the posterior under equal priors is known exactly."""
    chance = np.random.default_rng(0)
    labels = (chance.uniform(size=40_000) < 0.2).astype(np.int64)
    x = chance.normal(labels * 2.0, 1)
    one = 1 / (1 + np.exp(-(2 * x - 2)))
    found = estimated_priors(np.stack([1 - one, one], axis=1), np.array([0.5, 0.5]))
    assert found == pytest.approx([0.8, 0.2], abs=0.01)


def test_corrected_priors_are_what_bayes_says() -> None:
    given = table(600, skill=1.0)
    trained = np.array([0.05, 0.05, 0.1, 0.1, 0.2, 0.2, 0.3])
    equal = corrected_for_priors(given, trained, np.ones(7))
    np.testing.assert_array_equal(equal.predicted, (given.probabilities / trained).argmax(1))
    kept = corrected_for_priors(given, trained, trained)
    np.testing.assert_array_equal(kept.predicted, given.predicted)
    assert kept.test.p == 1
    assert corrected_for_priors(given, trained).fitted[0].sum() == pytest.approx(1)
    for bad in (np.ones(6), np.array([0, 1, 1, 1, 1, 1, 1.0])):
        with pytest.raises(DataError, match="Priors are 7 numbers above 0"):
            corrected_for_priors(given, bad)


def test_a_power_law_is_found_again() -> None:
    samples = np.array([50, 100, 200, 400, 800])
    recalls = np.stack([1 - 2.0 * samples**-0.35] * 3, axis=1)
    found = fitted_curve(Measured(samples, recalls, 100_000))
    assert (found.coefficient, found.exponent) == pytest.approx((2.0, 0.35), rel=1e-3)
    value, (low, high) = found.needed(0.9)
    assert value == pytest.approx((2.0 / 0.1) ** (1 / 0.35), rel=1e-2)
    assert low < value < high
    wide = fitted_curve(Measured(samples, recalls, 50)).needed(0.9)[1]
    assert wide[1] / wide[0] > 3 * high / low
    flat = fitted_curve(Measured(samples, np.full((5, 3), 0.5), 1000))
    assert flat.needed(0.9)[1][1] == math.inf
    with pytest.raises(DataError, match="between 0 and 1"):
        found.needed(1.0)


def test_the_learning_curve_rises_and_tells_its_progress() -> None:
    chance = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [400, 400, 160])
    centres = chance.normal(0, 0.5, (3, 30))
    features = centres[labels] + chance.normal(size=(960, 30))
    test = np.repeat([0, 1, 2], 100)
    seen: list[tuple[int, int]] = []
    measured = measure_recalls(
        (features, labels), (centres[test] + chance.normal(size=(300, 30)), test), 2, repeats=2,
        progress=lambda *at: seen.append(at),
    )  # fmt: skip
    assert Measured.from_json(measured.as_json()).recalls.tolist() == measured.recalls.tolist()
    found = fitted_curve(measured)
    assert found.samples.tolist() == [20, 40, 80, 120, 160]
    assert found.recall[-1] > found.recall[0]
    assert found.exponent > 0
    assert seen[-1] == (10, 10)
    with pytest.raises(DataError, match="16 training and 5 held-out"):
        measure_recalls((features[:5], labels[:5]), (features, labels), 0)
