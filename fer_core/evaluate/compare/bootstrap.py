"""Paired bootstrap of every figure of several models at once (Efron and Tibshirani 1993).

All models are measured on the same draws of samples, so that a difference of two is a difference of two columns. Each
figure is a function of a few sums over samples; a draw is one row of a matrix of counts times these sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_core.evaluate.compare.aligned import aligned
from fer_core.evaluate.metrics import CONFIDENCE, ECE_BINS
from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.reliability import bin_of

METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece")  # and `recall: CLASS` of each class
DRAWS = 2_000
ONE_BY_ONE = 16_384  # samples up to which each is drawn for itself
GROUPS = 4_096  # into which more are dealt; widths are then good to 1 %, and by 2,000 draws to 2 %
_DRAWS_AT_ONCE = 100
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A figure with its bounds.

    Attributes:
        value: on all samples.
        low: lower bound; NaN where the figure is undefined.
        high: upper bound.
        p: two-sided, of the figure being 0, by the bootstrap; NaN for what is no difference.
    """

    value: float
    low: float
    high: float
    p: float = math.nan


@dataclass(frozen=True)
class Bootstrap:
    """Figures of M models on N samples, on all of them, on the draws, and with each group of samples left out.

    Attributes:
        names: F figures: `METRICS`, then `recall: CLASS` in the order of the classes.
        models: M names.
        estimates: (M, F) on all samples.
        draws: (M, B, F).
        left_out: (M, G, F); what the acceleration of an interval is computed from.
        n: samples.
        confidence: coverage of the intervals.
    """

    names: tuple[str, ...]
    models: tuple[str, ...]
    estimates: Values
    draws: Values
    left_out: Values
    n: int
    confidence: float

    def interval(self, model: int, name: str) -> Interval:
        """BCa interval of one model's figure."""
        f = self.names.index(name)
        return _interval(self.estimates[model, f], self.draws[model, :, f], self.left_out[model, :, f], self.confidence)

    def difference(self, first: int, second: int, name: str) -> Interval:
        """BCa interval of the first model's figure less that of the second, with the p-value of no difference."""
        f = self.names.index(name)
        draws = self.draws[first, :, f] - self.draws[second, :, f]
        found = _interval(
            self.estimates[first, f] - self.estimates[second, f],
            draws,
            self.left_out[first, :, f] - self.left_out[second, :, f],
            self.confidence,
        )
        there = draws[~np.isnan(draws)]
        sides = [int((there <= 0).sum()), int((there >= 0).sum())]
        p = min(1.0, 2 * (1 + min(sides)) / (1 + len(there))) if len(there) else math.nan
        return Interval(found.value, found.low, found.high, p if not math.isnan(found.value) else math.nan)


def bootstrap(
    tables: Sequence[Predictions], draws: int = DRAWS, seed: int = 0, confidence: float = CONFIDENCE
) -> Bootstrap:
    """Draws samples with replacement, the same ones for all models, and measures each model on each draw.

    A draw that holds no sample of a class leaves that class out of the means, as `score` does. Samples are drawn one by
    one up to `ONE_BY_ONE` of them; more are dealt at random into `GROUPS` groups of equal size, which are drawn whole.

    Args:
        tables: M tables; `aligned` is applied.
        draws: B.
        seed: of the draws. Up to `ONE_BY_ONE` samples the order of rows does not matter; beyond, it moves bounds as
            another seed would.
        confidence: coverage of the intervals.

    Returns:
        On no samples every figure is NaN.

    Raises:
        DataError: as `aligned`.
    """
    tables = aligned(tables)
    first = tables[0]
    m, n, k = len(tables), len(first), len(first.classes)
    chance = np.random.default_rng(seed)
    if n > ONE_BY_ONE:
        sums = _sums(tables, chance.permutation(n) % GROUPS, GROUPS)
    else:
        order = np.asarray(first.sample_ids.to_numpy(zero_copy_only=False).argsort())
        sums = _sums(tables, np.arange(n), n)[order]
    total = sums.sum(0)
    return Bootstrap(
        names=(*METRICS, *(f"recall: {name}" for name in first.classes.names)),
        models=tuple(table.about.model for table in tables),
        estimates=_figures(total[None], m, k)[:, 0],
        draws=_figures(_drawn(sums, draws, chance), m, k),
        left_out=_figures(total - sums, m, k),
        n=n,
        confidence=confidence,
    )


def _drawn(sums: Values, draws: int, chance: np.random.Generator) -> Values:
    """(draws, S) sums over as many rows of (G, S) as there are, drawn with replacement; 0 where there are none."""
    found, many = np.zeros((draws, sums.shape[1])), len(sums)
    for start in range(0, draws if many else 0, _DRAWS_AT_ONCE):
        stop = min(start + _DRAWS_AT_ONCE, draws)
        picked = chance.integers(0, many, (stop - start, many))
        picked += many * np.arange(stop - start)[:, None]
        counts = np.bincount(picked.ravel(), minlength=picked.size).reshape(picked.shape)
        found[start:stop] = counts.astype(np.float64) @ sums
    return found


def _sums(tables: Sequence[Predictions], groups: NDArray[np.int64], many: int) -> Values:
    """(G, K + M (2 K + 1 + bins)): support; of each model hits and answers per class, losses, gaps per bin."""
    labels, k = tables[0].labels, len(tables[0].classes)
    columns = [_count(groups, labels, many, k)]
    for table in tables:
        columns += [
            _count(groups, labels, many, k, table.right),
            _count(groups, table.predicted, many, k),
            np.bincount(groups, table.losses, many).astype(np.float64)[:, None],
            _count(groups, bin_of(table.confidence), many, ECE_BINS, table.right - table.confidence),
        ]
    return np.concatenate(columns, axis=1)


def _count(
    groups: NDArray[np.int64], kinds: NDArray[np.int64], many: int, k: int, weights: NDArray[np.generic] | None = None
) -> Values:
    """(many, k) sums of weights by group and kind."""
    found = np.bincount(groups * k + kinds, weights, many * k)
    return found.reshape(many, k).astype(np.float64)


def _figures(sums: Values, m: int, k: int) -> Values:
    """(M, B, F) figures of B rows of sums; those of one figure lie side by side, as they are read."""
    support = sums[:, :k]
    n = support.sum(1)
    width = 2 * k + 1 + ECE_BINS
    out = np.empty((m, len(METRICS) + k, len(sums)))
    with np.errstate(divide="ignore", invalid="ignore"):
        classes = (support > 0).sum(1)
        for i in range(m):
            of = sums[:, k + i * width : k + (i + 1) * width]
            hits, answers, loss, gaps = of[:, :k], of[:, k : 2 * k], of[:, 2 * k], of[:, 2 * k + 1 :]
            recalls = np.where(support > 0, hits / support, math.nan)
            f1 = np.where(support > 0, 2 * hits / (support + answers), 0.0)
            out[i, 0] = hits.sum(1) / n
            out[i, 1] = np.nan_to_num(recalls).sum(1) / classes
            out[i, 2] = f1.sum(1) / classes
            out[i, 3] = loss / n
            out[i, 4] = np.abs(gaps).sum(1) / n
            out[i, len(METRICS) :] = recalls.T
    return out.transpose(0, 2, 1)


def _interval(estimate: float, draws: Values, left_out: Values, confidence: float) -> Interval:
    """Bias-corrected and accelerated bounds (Efron 1987, doi:10.1080/01621459.1987.10478410)."""
    from scipy.special import ndtr, ndtri

    draws, left_out = _known(draws), _known(left_out)
    if math.isnan(estimate) or not len(draws):
        return Interval(float(estimate), math.nan, math.nan)
    below = (np.count_nonzero(draws < estimate) + np.count_nonzero(draws <= estimate)) / 2 / len(draws)
    bias = float(ndtri(min(max(below, 0.5 / len(draws)), 1 - 0.5 / len(draws))))
    apart = left_out.mean() - left_out if len(left_out) else np.zeros(1)
    squares = apart * apart
    spread = float(squares.sum())
    acceleration = float(squares @ apart) / (6 * spread**1.5) if spread > 0 else 0.0
    z = ndtri(np.array([0.5 - confidence / 2, 0.5 + confidence / 2]))
    at = ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))
    low, high = np.quantile(draws, at)
    return Interval(float(estimate), float(low), float(high))


def _known(values: Values) -> Values:
    unknown = np.isnan(values)
    return values[~unknown] if unknown.any() else values
