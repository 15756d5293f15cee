"""The confusion matrix, with the samples of every cell, and the figures of each class."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fer_core.evaluate.compare.aligned import aligned
from fer_core.evaluate.metrics import CONFIDENCE, confusion_matrix, wilson_interval
from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.significance import holm, mcnemar
from fer_core.labels import ClassSet

Share = Literal["count", "row", "column"]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Confusion:
    """Counts by true and predicted class, and which samples they are.

    Attributes:
        counts: (K, K); row = true class, column = predicted class.
        classes: the K classes in order.
        predictions: what was counted.
        order: (N,) rows of the predictions, cell by cell.
    """

    counts: NDArray[np.int64]
    classes: ClassSet
    predictions: Predictions
    order: NDArray[np.int64]

    def rows(self, true: str, said: str) -> NDArray[np.int64]:
        """Rows of the samples of one cell, those that the model is most sure of first.

        Raises:
            DataError: a class that there is none of.
        """
        cell = self.classes.index(true) * len(self.classes) + self.classes.index(said)
        ends = np.cumsum(self.counts.ravel())
        of = np.sort(self.order[ends[cell] - self.counts.ravel()[cell] : ends[cell]])
        return of[np.argsort(-self.predictions.confidence[of], kind="stable")]

    def sample_ids(self, true: str, said: str, limit: int | None = None) -> list[str]:
        """Sample ids of one cell in the order of `rows`, at most `limit`."""
        return self.predictions.ids(self.rows(true, said)[:limit])

    def shares(self, of: Share = "row") -> Values:
        """(K, K) counts, or each as a share of its row (true class) or column (predicted class).

        A row or column without samples is NaN.
        """
        return _shares(self.counts, of)


def _shares(counts: NDArray[np.int64], of: Share) -> Values:
    if of == "count":
        return counts.astype(np.float64)
    total = counts.sum(1 if of == "row" else 0, keepdims=True)
    there = np.broadcast_to(total > 0, counts.shape)
    return np.asarray(np.divide(counts, total, out=np.full(counts.shape, math.nan), where=there))


def confusion(predictions: Predictions) -> Confusion:
    """The confusion matrix of a prediction table."""
    k = len(predictions.classes)
    cells = predictions.labels * k + predictions.predicted
    order = np.argsort(cells.astype(np.uint16 if k < 256 else np.int64), kind="stable")
    counts = confusion_matrix(predictions.labels, predictions.predicted, k)
    return Confusion(counts, predictions.classes, predictions, order)


@dataclass(frozen=True)
class Subtracted:
    """Two matrices of the same samples, the first less the second.

    Attributes:
        counts: (K, K).
        shares: (K, K) differences of the shares of the true class or, where asked for, of the predicted one; NaN for a
            class without samples, or that one of the models never says.
        p: (K, K) exact McNemar's of each cell's count (does one model put more of the true class there), Holm over all
            cells; NaN for a class without samples.
    """

    counts: NDArray[np.int64]
    shares: Values
    p: Values


def subtract(first: Predictions, second: Predictions, of: Share = "row") -> Subtracted:
    """What one model does otherwise than another.

    Args:
        first: the answers that are subtracted from.
        second: of the same samples.
        of: what shares are shares of.

    Raises:
        DataError: as `aligned`.
    """
    first, second = aligned([first, second])
    mine, theirs = confusion(first).counts, confusion(second).counts
    k = len(first.classes)
    p = np.full((k, k), math.nan)
    for true in range(k):
        there = first.labels == true
        if there.any():
            one, other = first.predicted[there], second.predicted[there]
            p[true] = [mcnemar(one == said, other == said).p for said in range(k)]
    shares = _shares(mine, of) - _shares(theirs, of)
    return Subtracted(mine - theirs, shares, holm(p.ravel()).reshape(k, k))


@dataclass(frozen=True)
class ClassFigures:
    """One class; each rate with its bounds.

    Attributes:
        name: of the class.
        n: samples of it.
        predicted: samples that the model takes for it.
        recall: TP / n; NaN where n is 0.
        recall_interval: Wilson's.
        precision: TP / predicted; NaN where nothing is.
        precision_interval: Wilson's.
        f1: 2 TP / (n + predicted); NaN where n is 0.
        f1_interval: of the bootstrap.
    """

    name: str
    n: int
    predicted: int
    recall: float
    recall_interval: tuple[float, float]
    precision: float
    precision_interval: tuple[float, float]
    f1: float
    f1_interval: tuple[float, float]


def class_figures(
    counts: NDArray[np.int64], classes: ClassSet, draws: int = 2000, seed: int = 0, confidence: float = CONFIDENCE
) -> tuple[ClassFigures, ...]:
    """Precision, recall and F1 of each class from a confusion matrix.

    Drawing samples with replacement is drawing the numbers of hits, misses, false alarms and others from a multinomial
    distribution, which is what the bootstrap of F1 does here.

    Args:
        counts: (K, K); row = true class, column = predicted class.
        classes: in order.
        draws: of the bootstrap.
        seed: of the draws; each class has its own stream, named by the class, so that their order does not matter.
        confidence: coverage.
    """
    total = int(counts.sum())
    found = []
    for i, name in enumerate(classes.names):
        hits, n, said = int(counts[i, i]), int(counts[i].sum()), int(counts[:, i].sum())
        f1, bounds = math.nan, (math.nan, math.nan)
        if n:
            f1 = 2 * hits / (n + said)
            parts = np.array([hits, n - hits, said - hits, total - n - said + hits])
            chance = np.random.default_rng([seed, *name.encode()])
            drawn = chance.multinomial(total, parts / total, draws)
            wrong, right = drawn[:, 1] + drawn[:, 2], 2 * drawn[:, 0]
            there = right + wrong > 0
            values = right[there] / (right + wrong)[there]
            low, high = np.quantile(values, [0.5 - confidence / 2, 0.5 + confidence / 2])
            bounds = (float(low), float(high))
        found.append(
            ClassFigures(
                name, n, said, hits / n if n else math.nan, wilson_interval(hits, n, confidence),
                hits / said if said else math.nan, wilson_interval(hits, said, confidence), f1, bounds,
            )
        )  # fmt: skip
    return tuple(found)
