"""Whether a model is as sure as it is right: bins, class-wise error, Brier's score and its parts, adaptive bins.

Bins and ECE of the top class: Guo et al. 2017 (arXiv 1706.04599); class-wise ECE: Kull et al. 2019 (arXiv 1910.12656);
score and parts: Brier 1950, Murphy 1973; adaptive bins: Nguyen and O'Connor 2015 (arXiv 1508.05154).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fer_core.evaluate.metrics import ECE_BINS, wilson_interval

Values = NDArray[np.float64]
_ROWS = 1 << 12  # that are worked on at once, so that they stay in the processor's cache
_SOME = 1 << 12  # values that tell whether there are few different ones


def bin_of(confidence: NDArray[np.floating], bins: int = ECE_BINS) -> NDArray[np.int64]:
    """(N,) bin of equal width of each confidence: open below, closed above, 0 in the first one."""
    return np.asarray(np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1))


@dataclass(frozen=True)
class Bin:
    """One bin of a reliability diagram.

    Attributes:
        low: lower edge of the confidence, 0..1.
        high: upper edge.
        n: samples.
        confidence: their mean; NaN where n is 0.
        accuracy: share that is right; NaN where n is 0.
        interval: Wilson's of the accuracy.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Reliability:
    """Bins, and the expected calibration error that they give; NaN on no samples."""

    bins: tuple[Bin, ...]
    ece: float
    n: int


def reliability(
    confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = ECE_BINS, *, adaptive: bool = False
) -> Reliability:
    """Bins of confidence with the share that is right in each.

    Args:
        confidence: (N,) 0..1.
        right: (N,) whether what it is the confidence of came true.
        bins: how many.
        adaptive: bins of equally many samples instead of equal width; equal confidences stay together, so that some may
            be larger and others are left out.

    Returns:
        `ece` is the mean over samples of |accuracy - confidence| of their bin.
    """
    if adaptive:
        return _reliability(confidence, right, _adaptive_edges(np.asarray(confidence, dtype=np.float64), bins))
    return _reliability(confidence, right, np.linspace(0, 1, bins + 1))


def _adaptive_edges(confidence: Values, bins: int) -> Values:
    shares = np.linspace(0, 1, bins + 1)[1:-1]
    inner = np.quantile(confidence, shares, method="inverted_cdf") if len(confidence) else np.zeros(0)
    return np.unique(np.concatenate([[0.0], inner, [1.0]]))


def _reliability(confidence: NDArray[np.floating], right: NDArray[np.bool_], edges: Values) -> Reliability:
    many, n = len(edges) - 1, len(confidence)
    uniform = many and np.allclose(np.diff(edges), 1 / many, atol=1e-12)
    place = bin_of(confidence, many) if uniform else np.clip(np.searchsorted(edges, confidence) - 1, 0, many - 1)
    counts = np.bincount(place, minlength=many)
    sure, hits = np.bincount(place, confidence, many), np.bincount(place, right, many)
    rows = tuple(
        Bin(
            float(edges[i]), float(edges[i + 1]), int(counts[i]),
            sure[i] / counts[i] if counts[i] else math.nan, hits[i] / counts[i] if counts[i] else math.nan,
            wilson_interval(int(hits[i]), int(counts[i])),
        )
        for i in range(many)
    )  # fmt: skip
    return Reliability(rows, float(np.abs(hits - sure).sum() / n) if n else math.nan, n)


def classwise_ece(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], bins: int = ECE_BINS
) -> tuple[Values, float]:
    """The calibration error of each class's probability, over all samples, and the mean over classes.

    Args:
        probabilities: (N, K).
        labels: (N,).
        bins: of equal width.

    Returns:
        (K,) and their mean; NaN for a class without samples, which the mean leaves out, and on no samples.
    """
    n, k = probabilities.shape
    errors = np.full(k, math.nan)
    support = np.bincount(labels, minlength=k)
    for i in np.flatnonzero(support):
        of = probabilities[:, i]
        errors[i] = np.abs(np.bincount(bin_of(of, bins), (labels == i) - of, bins)).sum() / n
    return errors, float(np.nanmean(errors)) if support.any() else math.nan


@dataclass(frozen=True)
class Brier:
    """Brier's score of the whole distribution, 0 (perfect) to 2, and its parts over bins.

    Attributes:
        score: mean over samples of the sum over classes of (probability - outcome) squared.
        reliability: what would be won by saying in each bin what comes true there; 0 is best.
        resolution: how far what comes true differs between bins; more is better.
        uncertainty: the score of always saying the classes' shares.
        within: what the bins' width leaves over: score = reliability - resolution + uncertainty + within.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


def brier(probabilities: NDArray[np.floating], labels: NDArray[np.int64], bins: int = ECE_BINS) -> Brier:
    """Brier's score with Murphy's parts, summed over the classes, each with bins of its own probability.

    Args:
        probabilities: (N, K).
        labels: (N,).
        bins: of equal width.

    Returns:
        NaN throughout on no samples.
    """
    n, k = probabilities.shape
    if not n:
        return Brier(*[math.nan] * 5)
    total = parts = resolved = 0.0
    shares = np.bincount(labels, minlength=k) / n
    for i in range(k):
        said, came = probabilities[:, i], labels == i
        total += float(((said - came) ** 2).mean())
        place = bin_of(said, bins)
        counts = np.bincount(place, minlength=bins)
        there = counts > 0
        mean_said = np.bincount(place, said, bins)[there] / counts[there]
        mean_came = np.bincount(place, came, bins)[there] / counts[there]
        parts += float((counts[there] * (mean_said - mean_came) ** 2).sum() / n)
        resolved += float((counts[there] * (mean_came - shares[i]) ** 2).sum() / n)
    uncertain = float((shares * (1 - shares)).sum())
    return Brier(total, parts, resolved, uncertain, total - (parts - resolved + uncertain))


def entropy(probabilities: NDArray[np.floating]) -> Values:
    """(N,) entropy of each row in bits, 0 to log2 K."""
    out = np.empty(len(probabilities))
    for start in range(0, len(probabilities), _ROWS):
        some = probabilities[start : start + _ROWS]
        out[start : start + _ROWS] = -np.einsum("nk,nk->n", some, np.log2(np.maximum(some, 1e-300)))
    return out + 0.0  # a plain zero, not the negative one


def _ranks(values: Values) -> Values:
    """(N,) ranks; equal values have the mean of theirs."""
    if len(np.unique(values[:_SOME])) < _SOME // 4:  # few different ones, as of votes, need no sorting
        encoded = pa.array(values).dictionary_encode()
        found, places = np.asarray(encoded.dictionary), np.asarray(encoded.indices)
        order, counts = np.argsort(found), np.bincount(places, minlength=len(found))
        ends = np.cumsum(counts[order])
        middle = np.empty(len(found))
        middle[order] = ends - (counts[order] + 1) / 2
        return np.asarray(middle[places])
    order = np.argsort(values)
    ranked = values[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    counts = np.diff(np.append(starts, len(values)))
    out = np.empty(len(values))
    out[order] = np.repeat(starts + (counts - 1) / 2, counts)
    return out


@dataclass(frozen=True)
class VotesAgainstConfidence:
    """Whether the model is unsure where people are.

    Attributes:
        n: samples with votes.
        spearman: rank correlation of the model's entropy with that of the votes; NaN where it is undefined.
        interval: of the correlation, by Fisher's transformation with the variance of Bonett and Wright 2000.
        bins: of the votes' entropy, each (low, high, n, mean entropy of the model in bits, accuracy).
    """

    n: int
    spearman: float
    interval: tuple[float, float]
    bins: tuple[tuple[float, float, int, float, float], ...]


def votes_against_confidence(
    probabilities: NDArray[np.floating],
    right: NDArray[np.bool_],
    vote_entropy: NDArray[np.floating],
    bins: int = 8,
) -> VotesAgainstConfidence:
    """Sets the model's entropy beside the annotators'.

    Args:
        probabilities: (N, K).
        right: (N,) whether the model's class is the label.
        vote_entropy: (N,) bits, NaN without votes; see `fer_core.data.votes.vote_statistics`.
        bins: at most so many, of equally many samples; equal entropies stay together.
    """
    from scipy.special import ndtri

    there = ~np.isnan(vote_entropy)
    votes, hits = np.asarray(vote_entropy[there], dtype=np.float64), right[there]
    model = entropy(probabilities)[there]
    n = len(votes)
    if n < 4 or np.ptp(votes) == 0 or np.ptp(model) == 0:
        rho, bounds = math.nan, (math.nan, math.nan)
    else:
        rho = float(np.corrcoef(_ranks(votes), _ranks(model))[0, 1])
        half = float(ndtri(0.975)) * math.sqrt((1 + rho**2 / 2) / (n - 3))
        middle = math.atanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12))
        bounds = (math.tanh(middle - half), math.tanh(middle + half))
    edges = np.unique(np.quantile(votes, np.linspace(0, 1, bins + 1))) if n else np.zeros(0)
    many = max(len(edges) - 1, int(n > 0))
    place = np.clip(np.searchsorted(edges, votes, side="right") - 1, 0, max(0, many - 1))
    counts = np.bincount(place, minlength=many)
    doubt, right_ones = np.bincount(place, model, many), np.bincount(place, hits, many)
    rows = [
        (
            float(edges[i]),
            float(edges[min(i + 1, len(edges) - 1)]),
            int(c),
            float(doubt[i] / c),
            float(right_ones[i] / c),
        )
        for i, c in enumerate(counts)
        if c
    ]
    return VotesAgainstConfidence(n, rho, bounds, tuple(rows))
