"""Tests of hypotheses, and what many of them at once ask for.

McNemar 1947 (doi:10.1007/BF02295996) in its exact form; Holm 1979 (jstor 4615733); Benjamini and Hochberg 1995
(doi:10.1111/j.2517-6161.1995.tb02031.x); Newcombe 1998, Statistics in Medicine 17, 873-890;
Zou and Donner 2008, Statistics in Medicine 27, 1693-1702.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_core.evaluate.metrics import CONFIDENCE, wilson_interval

Values = NDArray[np.float64]


@dataclass(frozen=True)
class McNemar:
    """The exact test of whether two models are right equally often on the same samples.

    Attributes:
        only_first: samples that only the first one has right.
        only_second: samples that only the second one has right.
        n: samples in all.
        p: two-sided; 1 where no sample tells them apart, NaN where n is 0.
    """

    only_first: int
    only_second: int
    n: int
    p: float


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar:
    """McNemar's exact test: under equality, of the samples that one alone has right each model has half.

    Args:
        first: (N,) whether the first model is right.
        second: (N,) whether the second one is, on the same samples.
    """
    return exact_mcnemar(int((first & ~second).sum()), int((second & ~first).sum()), len(first))


def exact_mcnemar(only_first: int, only_second: int, n: int) -> McNemar:
    """`mcnemar` from the numbers of samples, of `n` in all, that one model alone has right."""
    from scipy.special import bdtr

    apart = only_first + only_second
    p = min(1.0, 2 * float(bdtr(min(only_first, only_second), apart, 0.5))) if n else math.nan
    return McNemar(only_first, only_second, n, p)


def difference_interval(
    first: tuple[int, int], second: tuple[int, int], confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Bounds of the difference of two rates of different samples, from their Wilson bounds (Newcombe's method 10).

    Args:
        first: (successes, trials) of the rate that is subtracted from.
        second: the same of the rate that is subtracted.
        confidence: coverage, between 0 and 1.

    Returns:
        Lower and upper bound in -1..1; (NaN, NaN) where one has no trials.
    """
    if not first[1] or not second[1]:
        return (math.nan, math.nan)
    p, q = first[0] / first[1], second[0] / second[1]
    (low_p, high_p), (low_q, high_q) = wilson_interval(*first, confidence), wilson_interval(*second, confidence)
    return (p - q - math.hypot(p - low_p, high_q - q), p - q + math.hypot(high_p - p, q - low_q))


def mean_of_rates_interval(rates: Sequence[tuple[int, int]], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Bounds of the mean of rates of different samples, from their Wilson bounds (Zou and Donner's MOVER).

    Args:
        rates: (successes, trials) of each, such as hits and samples of each class.
        confidence: coverage, between 0 and 1.

    Returns:
        Lower and upper bound in 0..1; (NaN, NaN) without a rate, or where one has no trials.
    """
    if not rates or not all(n for _, n in rates):
        return (math.nan, math.nan)
    mean = sum(k / n for k, n in rates) / len(rates)
    bounds = [wilson_interval(k, n, confidence) for k, n in rates]
    below = math.hypot(*(k / n - low for (k, n), (low, _) in zip(rates, bounds, strict=True)))
    above = math.hypot(*(high - k / n for (k, n), (_, high) in zip(rates, bounds, strict=True)))
    return (mean - below / len(rates), mean + above / len(rates))


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down: values that may be held against one level though many were tested; NaN stays and counts not.

    The chance of a single false alarm among all of them stays below the level.

    Args:
        p: (M,) p-values.

    Returns:
        (M,) adjusted, 0..1, none below its own p-value.
    """
    return _adjusted(p, lambda m: m - np.arange(float(m)), np.maximum.accumulate)


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Benjamini and Hochberg's step-up: the share of false alarms among what lies below a level stays below it.

    Args:
        p: (M,) p-values; NaN stays and counts not.

    Returns:
        (M,) adjusted, 0..1, none below its own p-value.
    """
    return _adjusted(p, lambda m: m / np.arange(1, m + 1), lambda v: np.minimum.accumulate(v[::-1])[::-1])


def _adjusted(
    p: ArrayLike, factors: Callable[[int], Values], monotone: Callable[[Values], Values]
) -> NDArray[np.float64]:
    given = np.asarray(p, dtype=np.float64)
    there = np.flatnonzero(~np.isnan(given))
    order = there[np.argsort(given[there], kind="stable")]
    out = np.full(len(given), math.nan)
    out[order] = np.minimum(1.0, monotone(given[order] * factors(len(order))))
    return out
