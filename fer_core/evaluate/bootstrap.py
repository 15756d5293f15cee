"""Percentile bootstrap intervals over faces (Efron and Tibshirani 1993, An Introduction to the Bootstrap, ch. 13)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
Interval = tuple[float, float]
_WEIGHTS = 4_000_000  # held at once


@dataclass(frozen=True)
class Resampling:
    """How intervals are made.

    Attributes:
        resamples: how many times faces are drawn again.
        seed: of the draws; the same seed draws the same faces for every quantity of a table, so that differences are
            paired.
        confidence: coverage, between 0 and 1.
    """

    resamples: int = 1000
    seed: int = 0
    confidence: float = CONFIDENCE


USUAL = Resampling()


def resampled_means(values: NDArray[np.floating], how: Resampling) -> NDArray[np.float64]:
    """(resamples, k) means over n faces drawn with replacement from values (n, k); (resamples, k) NaN where n is 0."""
    n, k = values.shape
    if not n:
        return np.full((how.resamples, k), np.nan)
    chance = np.random.default_rng(how.seed)
    out = np.empty((how.resamples, k))
    at_once = max(1, _WEIGHTS // n)
    for start in range(0, how.resamples, at_once):
        drawn = chance.multinomial(n, np.full(n, 1 / n), size=min(at_once, how.resamples - start))
        out[start : start + len(drawn)] = drawn @ np.asarray(values, np.float64) / n
    return out


def intervals(draws: NDArray[np.float64], confidence: float = CONFIDENCE) -> list[Interval]:
    """Lower and upper bound of each column of draws (resamples, k); (NaN, NaN) where a draw is not finite."""
    ends = (50 * (1 - confidence), 50 * (1 + confidence))
    found = []
    for column in draws.T:
        good = bool(np.isfinite(column).all())
        low, high = np.percentile(column, ends).tolist() if good else (math.nan, math.nan)
        found.append((low, high))
    return found


def mean_with_interval(values: NDArray[np.floating], how: Resampling) -> tuple[float, Interval, int]:
    """Mean of values (n,), its interval, and the number of those that are finite, which alone are counted.

    Returns:
        NaN and (NaN, NaN) without a finite value; (NaN, NaN) with one, which says nothing of its spread.
    """
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return math.nan, (math.nan, math.nan), 0
    if len(known) == 1:
        return float(known[0]), (math.nan, math.nan), 1
    return float(known.mean()), intervals(resampled_means(known[:, None], how), how.confidence)[0], len(known)


def plain(value: Any) -> Any:
    """A value for JSON: NaN becomes None, tuples become lists."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    return value
