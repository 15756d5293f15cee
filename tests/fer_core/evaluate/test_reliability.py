"""Calibration: by hand, against torchmetrics and scikit-learn, and unmoved by order."""

import math

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import brier_score_loss

from fer_core.evaluate.metrics import expected_calibration_error
from fer_core.evaluate.reliability import _ranks, brier, classwise_ece, entropy, reliability, votes_against_confidence
from tests.fer_core.evaluate.tables import permuted, table


def test_bins_by_hand() -> None:
    # Two bins: (0, 0.5] holds 0.3 (wrong) and 0.5 (right); (0.5, 1] holds 0.9 (right), 0.9 (wrong) and 0.6 (wrong).
    found = reliability(np.array([0.3, 0.5, 0.9, 0.9, 0.6]), np.array([0, 1, 1, 0, 0], dtype=bool), bins=2)
    assert [v for b in found.bins for v in (b.n, b.confidence, b.accuracy)] == pytest.approx(
        [2, 0.4, 0.5, 3, 0.8, 1 / 3]
    )
    assert found.ece == pytest.approx((2 * 0.1 + 3 * (0.8 - 1 / 3)) / 5)
    assert [(b.low, b.high) for b in found.bins] == [(0, 0.5), (0.5, 1)]


def test_the_ece_is_the_one_of_metrics_and_of_torchmetrics() -> None:
    torch = pytest.importorskip("torch")
    from torchmetrics.functional.classification import multiclass_calibration_error

    given = table(800, views=2)
    found = reliability(given.confidence, given.right).ece
    assert found == pytest.approx(expected_calibration_error(given.probabilities, given.labels), abs=1e-12)
    theirs = multiclass_calibration_error(
        torch.from_numpy(given.probabilities), torch.from_numpy(given.labels), num_classes=7, n_bins=15
    )
    assert found == pytest.approx(float(theirs), abs=1e-6)


def test_adaptive_bins_hold_equally_many() -> None:
    given = table(700)
    found = reliability(given.confidence, given.right, bins=7, adaptive=True)
    assert [b.n for b in found.bins] == [100] * 7
    parts = np.array_split(np.argsort(given.confidence), 7)
    by_hand = sum(abs(float(given.right[p].mean() - given.confidence[p].mean())) * len(p) for p in parts) / 700
    assert found.ece == pytest.approx(by_hand, rel=1e-9)
    same = reliability(np.full(10, 0.7), np.arange(10) < 7, bins=5, adaptive=True)
    assert [b.n for b in same.bins if b.n] == [10]
    assert same.ece == pytest.approx(0, abs=1e-12)


def test_nothing_is_nan() -> None:
    for adaptive in (False, True):
        assert math.isnan(reliability(np.zeros(0), np.zeros(0, dtype=bool), adaptive=adaptive).ece)
    assert all(math.isnan(v) for v in vars(brier(np.zeros((0, 3)), np.zeros(0, dtype=np.int64))).values())
    errors, mean = classwise_ece(np.zeros((0, 3)), np.zeros(0, dtype=np.int64))
    assert np.isnan(errors).all()
    assert math.isnan(mean)


def test_classwise_by_hand() -> None:
    probabilities = np.array([[0.8, 0.2, 0.0], [0.8, 0.2, 0.0], [0.4, 0.6, 0.0]])
    errors, mean = classwise_ece(probabilities, np.array([0, 1, 1]), bins=2)
    # Class 0: one bin of (0.8, 0.8: one of two), one of (0.4: no). Class 1: (0.2, 0.2: one of two), (0.6: yes).
    assert errors[0] == pytest.approx((2 * 0.3 + 0.4) / 3)
    assert errors[1] == pytest.approx((2 * 0.3 + 0.4) / 3)
    assert np.isnan(errors[2])
    assert mean == pytest.approx(1 / 3)


def test_brier_against_scikit_learn_and_its_parts() -> None:
    given = table(600)
    found = brier(given.probabilities, given.labels)
    theirs = sum(brier_score_loss(given.labels == i, given.probabilities[:, i]) for i in range(7))
    assert found.score == pytest.approx(theirs, abs=1e-9)
    assert found.reliability - found.resolution + found.uncertainty + found.within == pytest.approx(found.score)
    assert abs(found.within) < 0.01
    shares = np.bincount(given.labels, minlength=7) / 600
    constant = brier(np.tile(shares, (600, 1)), given.labels)
    assert (constant.reliability, constant.resolution) == pytest.approx((0, 0), abs=1e-12)
    assert constant.score == pytest.approx(constant.uncertainty)


def test_order_does_not_matter() -> None:
    given = table(300)
    chance = np.random.default_rng(0)
    columns = chance.permutation(7)
    other = permuted(given, chance.permutation(300), columns)
    mine, theirs = classwise_ece(given.probabilities, given.labels), classwise_ece(other.probabilities, other.labels)
    np.testing.assert_allclose(mine[0][columns], theirs[0], rtol=1e-9)
    assert vars(brier(given.probabilities, given.labels)) == pytest.approx(
        vars(brier(other.probabilities, other.labels))
    )


def test_entropy_in_bits() -> None:
    given = np.array([[0.5, 0.5, 0], [1, 0, 0], [0.2, 0.3, 0.5]])
    np.testing.assert_allclose(entropy(given), scipy_entropy(given, base=2, axis=1), atol=1e-12)


@pytest.mark.parametrize("kinds", [3, 100_000])
def test_ranks_of_many_are_those_of_scipy(kinds: int) -> None:
    values = np.random.default_rng(0).integers(0, kinds, 20_000) / 7
    np.testing.assert_array_equal(_ranks(values) + 1, rankdata(values))


def test_votes_against_confidence() -> None:
    given = table(400)
    chance = np.random.default_rng(0)
    votes = np.round(entropy(given.probabilities) + chance.normal(0, 0.5, 400), 1)
    votes[::10] = np.nan
    there = ~np.isnan(votes)
    found = votes_against_confidence(given.probabilities, given.right, votes)
    expected = spearmanr(votes[there], entropy(given.probabilities)[there]).statistic
    assert found.spearman == pytest.approx(expected, abs=1e-9)
    assert found.interval[0] < expected < found.interval[1]
    assert found.n == sum(b[2] for b in found.bins) == 360
    low, high, n, mean, right = found.bins[0]
    inside = (votes >= low) & (votes < high)
    assert n == int(inside.sum())
    assert mean == pytest.approx(float(entropy(given.probabilities)[inside].mean()))
    assert right == pytest.approx(float(given.right[inside].mean()))


def test_no_votes_or_all_alike() -> None:
    given = table(20)
    none = votes_against_confidence(given.probabilities, given.right, np.full(20, np.nan))
    assert (none.n, none.bins) == (0, ())
    assert math.isnan(none.spearman)
    alike = votes_against_confidence(given.probabilities, given.right, np.ones(20))
    assert math.isnan(alike.spearman)
    assert [b[2] for b in alike.bins] == [20]
