"""McNemar, Holm and Benjamini-Hochberg by hand and against SciPy."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest, false_discovery_control

from fer_core.evaluate.significance import (
    benjamini_hochberg,
    difference_interval,
    holm,
    mcnemar,
    mean_of_rates_interval,
)


def pairs(only_first: int, only_second: int, both: int = 3) -> tuple[np.ndarray, np.ndarray]:
    first = np.array([True] * only_first + [False] * only_second + [True] * both, dtype=bool)
    second = np.array([False] * only_first + [True] * only_second + [True] * both, dtype=bool)
    return first, second


def test_mcnemar_by_hand() -> None:
    # 5 samples against 1: P(at most 1 head of 6) = (1 + 6) / 64, doubled.
    found = mcnemar(*pairs(5, 1))
    assert (found.only_first, found.only_second, found.n) == (5, 1, 9)
    assert found.p == pytest.approx(14 / 64, rel=1e-12)
    assert mcnemar(*pairs(1, 5)).p == pytest.approx(14 / 64, rel=1e-12)
    assert mcnemar(*pairs(3, 3)).p == 1
    assert mcnemar(*pairs(0, 0)).p == 1
    assert math.isnan(mcnemar(*pairs(0, 0, both=0)).p)


@pytest.mark.parametrize(("b", "c"), [(0, 7), (12, 30), (200, 150), (1, 0)])
def test_mcnemar_against_the_binomial_test(b: int, c: int) -> None:
    assert mcnemar(*pairs(b, c)).p == pytest.approx(binomtest(b, b + c).pvalue, rel=1e-9)


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, and 0.04 raised to the 0.06 before it.
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])
    assert holm([]).shape == (0,)


def test_holm_is_the_least_level_at_which_it_would_be_rejected() -> None:
    """By the procedure itself: go through the sorted p-values until one is above level / (M - rank)."""
    p = np.random.default_rng(3).uniform(size=12) ** 3
    adjusted = holm(p)
    for level in np.linspace(0.001, 0.999, 400):
        rejected = np.zeros(12, dtype=bool)
        for rank, i in enumerate(np.argsort(p)):
            if p[i] > level / (12 - rank):
                break
            rejected[i] = True
        np.testing.assert_array_equal(rejected, adjusted <= level)


def test_what_is_undefined_does_not_count() -> None:
    assert holm([0.03, math.nan, 0.01])[[0, 2]] == pytest.approx([0.03, 0.02])
    assert np.isnan(holm([0.03, math.nan, 0.01])[1])
    assert benjamini_hochberg([math.nan, 0.02, 0.04])[1:] == pytest.approx([0.04, 0.04])


def test_benjamini_hochberg_against_scipy() -> None:
    p = np.random.default_rng(0).uniform(size=50) ** 2
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p), rel=1e-12)


def test_the_difference_of_two_rates_as_published() -> None:
    # Newcombe 1998, table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/20.
    assert difference_interval((56, 70), (48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert difference_interval((9, 10), (3, 10)) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert difference_interval((10, 10), (0, 20)) == pytest.approx((0.6791, 1.0), abs=5e-5)
    low, high = difference_interval((48, 80), (56, 70))
    assert (low, high) == pytest.approx((-0.3339, -0.0524), abs=5e-5)
    assert all(math.isnan(bound) for bound in difference_interval((0, 0), (3, 10)))


def test_the_mean_of_rates_is_bounded_as_often_as_it_should() -> None:
    one = binomtest(30, 50).proportion_ci(method="wilson")
    assert mean_of_rates_interval([(30, 50)]) == pytest.approx((one.low, one.high), abs=1e-9)
    # Two alike: the distance of either bound shrinks by the root of two.
    low, high = mean_of_rates_interval([(30, 50), (30, 50)])
    assert (0.6 - low, high - 0.6) == pytest.approx(((0.6 - one.low) / 2**0.5, (one.high - 0.6) / 2**0.5))
    assert all(math.isnan(bound) for bound in (*mean_of_rates_interval([]), *mean_of_rates_interval([(0, 0), (1, 2)])))
    truth, sizes = np.array([0.9, 0.5, 0.05]), np.array([200, 60, 40])
    hits = np.random.default_rng(0).binomial(sizes, truth, (2000, 3))
    found = np.array([mean_of_rates_interval([*zip(row, sizes.tolist(), strict=True)]) for row in hits.tolist()])
    covered = ((found[:, 0] <= truth.mean()) & (truth.mean() <= found[:, 1])).mean()
    assert 0.93 < covered < 0.97
