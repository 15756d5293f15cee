"""What a decision threshold or a correction of priors would buy, told on halves that it was not fitted on.

Saerens et al. 2002, Adjusting the Outputs of a Classifier to New a Priori Probabilities,
doi:10.1162/089976602753284446.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import DataError
from fer_core.evaluate.errors.confusion import ClassFigures, class_figures
from fer_core.evaluate.metrics import confusion_matrix, wilson_interval
from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.significance import McNemar, mcnemar, mean_of_rates_interval

Values = NDArray[np.float64]
Criterion = Literal["f1", "balanced_accuracy"]
_STEPS, _SMALL = 1_000, 1e-10


@dataclass(frozen=True)
class Figures:
    """What a decision is worth.

    Attributes:
        accuracy: top-1.
        accuracy_interval: Wilson's.
        balanced_accuracy: mean recall over the classes that have samples.
        balanced_accuracy_interval: from Wilson's of the recalls, see `mean_of_rates_interval`.
        classes: each class.
    """

    accuracy: float
    accuracy_interval: tuple[float, float]
    balanced_accuracy: float
    balanced_accuracy_interval: tuple[float, float]
    classes: tuple[ClassFigures, ...]


@dataclass(frozen=True)
class Remedied:
    """A remedy, each half of the samples decided by what was fitted on the other half.

    Attributes:
        what: the remedy, in words.
        fitted: its numbers on each of the two halves: a threshold, or the priors in the order of the classes.
        predicted: (N,) the class that is said with it.
        before: figures without it.
        after: figures with it.
        test: exact McNemar's of the accuracies, before against after.
    """

    what: str
    fitted: tuple[Values, Values]
    predicted: NDArray[np.int64]
    before: Figures
    after: Figures
    test: McNemar


def with_threshold(predictions: Predictions, name: str, criterion: Criterion = "f1", seed: int = 0) -> Remedied:
    """Says a class wherever its probability reaches a threshold, else the most probable other one.

    Args:
        predictions: N samples, best of validation.
        name: of the class.
        criterion: what the threshold makes highest on the half that it is fitted on: the F1 of the class, or the mean
            recall over classes.
        seed: of the halving, class by class.

    Raises:
        DataError: a class that there is none of, or with fewer than two samples.
    """
    i = predictions.classes.index(name)
    n = int((predictions.labels == i).sum())
    if n < 2:
        raise DataError(f"A threshold for {name} needs two samples of it or more, one for each half; there are {n}.")
    of_class, second = predictions.probabilities[:, i], predictions.predicted.copy()
    first = np.flatnonzero(second == i)
    others = predictions.probabilities[first]
    others[:, i] = -1
    second[first] = others.argmax(1)

    def fit(rows: NDArray[np.int64]) -> Values:
        among = np.zeros(len(predictions), dtype=bool)
        among[rows] = True
        ranked = predictions.ranked(i)
        rows = ranked[among[ranked]]
        return np.array([_threshold(of_class[rows], predictions.labels[rows], second[rows], i, criterion)])

    def decide(rows: NDArray[np.int64], fitted: Values) -> NDArray[np.int64]:
        return np.where(of_class[rows] >= fitted[0], i, second[rows])

    return _crosswise(predictions, f"threshold of {name} for the best {criterion}", fit, decide, seed)


def _threshold(
    ranked: Values, labels: NDArray[np.int64], second: NDArray[np.int64], i: int, criterion: Criterion
) -> float:
    """The best threshold for samples that are sorted by falling probability of the class."""
    mine, support = labels == i, np.bincount(labels)
    if criterion == "f1":
        worth = 2 * np.cumsum(mine) / (np.arange(1, len(labels) + 1) + mine.sum())
    else:
        loses = second == labels  # right without the class, wrong with it
        worth = np.cumsum(np.where(mine, 1.0, -1.0 * loses) / support[labels])
    last = np.append(ranked[1:] != ranked[:-1], True)  # only between different scores can a threshold lie
    best = int(np.where(last, worth, -math.inf).argmax())
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)


def corrected_for_priors(
    predictions: Predictions,
    trained_on: NDArray[np.floating],
    target: NDArray[np.floating] | None = None,
    seed: int = 0,
) -> Remedied:
    """Brings the probabilities from the priors of training to others.

    Args:
        predictions: N samples.
        trained_on: (K,) shares of the classes among the training samples, above 0.
        target: (K,) priors to be met, such as equal ones, which is what the mean recall asks for. None: those of the
            samples themselves, estimated from the other half without its labels (`estimated_priors`).
        seed: of the halving, class by class.

    Raises:
        DataError: priors that are not K, not above 0, or no samples.
    """
    k = len(predictions.classes)
    prior = _checked(trained_on, k)
    wanted = None if target is None else _checked(target, k)
    if len(predictions) < 2:
        raise DataError(f"A correction of priors needs two samples or more; there are {len(predictions)}.")

    def fit(rows: NDArray[np.int64]) -> Values:
        return estimated_priors(predictions.probabilities[rows], prior) if wanted is None else wanted

    def decide(rows: NDArray[np.int64], fitted: Values) -> NDArray[np.int64]:
        return np.asarray((predictions.probabilities[rows] * (fitted / prior)).argmax(1))

    what = "priors estimated from the samples" if target is None else "priors as given"
    return _crosswise(predictions, what, fit, decide, seed)


def estimated_priors(probabilities: NDArray[np.floating], trained_on: NDArray[np.floating]) -> Values:
    """The classes' shares among unlabelled samples, by expectation-maximisation (Saerens et al. 2002, equation 2.9).

    Args:
        probabilities: (N, K), calibrated for the priors of training.
        trained_on: (K,) those priors, above 0, sum 1.

    Returns:
        (K,) sum 1.
    """
    start = np.asarray(trained_on, dtype=np.float64)
    priors = start
    for _ in range(_STEPS):
        shifted = probabilities * (priors / start)
        better = (shifted / shifted.sum(1, keepdims=True)).mean(0)
        if np.abs(better - priors).max() < _SMALL:
            return np.asarray(better)
        priors = better
    return np.asarray(priors)


def _checked(priors: NDArray[np.floating], k: int) -> Values:
    given = np.asarray(priors, dtype=np.float64)
    if given.shape != (k,) or not np.isfinite(given).all() or (given <= 0).any():
        raise DataError(f"Priors are {k} numbers above 0, one a class; not {np.round(given, 4).tolist()}.")
    return np.asarray(given / given.sum())


def _crosswise(
    predictions: Predictions,
    what: str,
    fit: Callable[[NDArray[np.int64]], Values],
    decide: Callable[[NDArray[np.int64], Values], NDArray[np.int64]],
    seed: int,
) -> Remedied:
    order = np.random.default_rng(seed).permutation(len(predictions))
    order = order[np.argsort(predictions.labels[order].astype(np.uint16), kind="stable")]  # small numbers sort fast
    first, second = order[::2], order[1::2]
    fitted = (fit(first), fit(second))
    predicted = np.empty(len(predictions), dtype=np.int64)
    predicted[second] = decide(second, fitted[0])
    predicted[first] = decide(first, fitted[1])
    after = predicted == predictions.labels
    return Remedied(
        what, fitted, predicted, _figures(predictions, predictions.predicted), _figures(predictions, predicted),
        mcnemar(predictions.right, after),
    )  # fmt: skip


def _figures(predictions: Predictions, predicted: NDArray[np.int64]) -> Figures:
    counts = confusion_matrix(predictions.labels, predicted, len(predictions.classes))
    classes = class_figures(counts, predictions.classes)
    there = [c for c in classes if c.n]
    right, n = int(counts.trace()), int(counts.sum())
    return Figures(
        right / n, wilson_interval(right, n), float(np.mean([c.recall for c in there])),
        mean_of_rates_interval([(round(c.recall * c.n), c.n) for c in there]), classes,
    )  # fmt: skip
