"""One class under the lens: where it goes, what comes in, its hardest samples, its precision-recall curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_core.evaluate.metrics import wilson_interval
from fer_core.evaluate.predictions import Predictions

Values = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Curve:
    """Precision and recall at every threshold of a score, the highest threshold first.

    Attributes:
        threshold: (P,) falling; a sample is taken for the class at or above it.
        precision: (P,).
        recall: (P,); NaN throughout where no sample is of the class.
        average_precision: sum of precision times the gain in recall, as scikit-learn's; NaN without such a sample.
        n: samples of the class.
    """

    threshold: Values
    precision: Values
    recall: Values
    average_precision: float
    n: int

    def thinned(self, points: int = 400) -> Curve:
        """At most so many points, evenly over their ranks; the average precision stays that of all."""
        if len(self.threshold) <= points:
            return self
        at = np.unique(np.linspace(0, len(self.threshold) - 1, points).round().astype(np.int64))
        return Curve(self.threshold[at], self.precision[at], self.recall[at], self.average_precision, self.n)


def precision_recall(
    scores: NDArray[np.floating], positive: NDArray[np.bool_], order: NDArray[np.int64] | None = None
) -> Curve:
    """The precision-recall curve.

    Args:
        scores: (N,) the higher the surer.
        positive: (N,) whether the sample is of the class.
        order: (N,) rows by falling score, where they are sorted already.
    """
    order = np.argsort(-scores) if order is None else order
    ranked = scores[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else np.zeros(0, dtype=np.int64)
    hits = np.cumsum(positive[order])[ends].astype(np.float64)
    n = int(positive.sum())
    precision = hits / (ends + 1)
    recall = hits / n if n else np.full(len(hits), math.nan)
    average = float((np.diff(recall, prepend=0.0) * precision).sum()) if n else math.nan
    return Curve(np.asarray(ranked[ends], dtype=np.float64), precision, recall, average, n)


@dataclass(frozen=True)
class Flow:
    """How many samples go from one class to another.

    Attributes:
        name: of the other class.
        n: samples.
        share: of all that leave from, or arrive at, the class under the lens, right ones included.
        interval: Wilson's.
    """

    name: str
    n: int
    share: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Lens:
    """One class.

    Attributes:
        name: of the class.
        n: samples of it.
        goes: what they are taken for, most first, itself included.
        comes: what those that are taken for it are, most first, itself included.
        hardest: rows of its samples, those first to whose label the model gives least.
        missed: rows of its samples that are taken for others, the most confident errors first.
        false_alarms: rows of others that are taken for it, the most confident first.
        curve: precision and recall over thresholds of its probability.
    """

    name: str
    n: int
    goes: tuple[Flow, ...]
    comes: tuple[Flow, ...]
    hardest: Rows
    missed: Rows
    false_alarms: Rows
    curve: Curve


def lens(predictions: Predictions, name: str) -> Lens:
    """Everything about one class.

    Raises:
        DataError: a class that there is none of.
    """
    classes, i = predictions.classes, predictions.classes.index(name)
    mine, said = predictions.labels == i, predictions.predicted == i
    own = np.flatnonzero(mine)
    of_class = predictions.probabilities[:, i]
    missed, false = np.flatnonzero(mine & ~said), np.flatnonzero(said & ~mine)
    sure = predictions.confidence
    return Lens(
        name=classes.names[i],
        n=len(own),
        goes=_flows(classes.names, predictions.predicted[own]),
        comes=_flows(classes.names, predictions.labels[said]),
        hardest=own[np.argsort(of_class[own], kind="stable")],
        missed=missed[np.argsort(-sure[missed], kind="stable")],
        false_alarms=false[np.argsort(-sure[false], kind="stable")],
        curve=precision_recall(of_class, mine, predictions.ranked(i)),
    )


def _flows(names: tuple[str, ...], to: NDArray[np.int64]) -> tuple[Flow, ...]:
    n, counts = len(to), np.bincount(to, minlength=len(names))
    flows = [
        Flow(name, int(c), int(c) / n if n else math.nan, wilson_interval(int(c), n))
        for name, c in zip(names, counts, strict=True)
    ]
    return tuple(sorted(flows, key=lambda flow: -flow.n))
