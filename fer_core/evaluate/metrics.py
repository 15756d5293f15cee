"""Figures of a classifier from its probabilities, with their number of samples and their intervals.

A class without samples has the recall NaN with n = 0, never 0. Definitions are scikit-learn's where it has one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from fer_core.errors import DataError
from fer_core.labels import ClassSet
from fer_core.softmax import most_probable

CONFIDENCE = 0.95
ECE_BINS = 15


def wilson_interval(k: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's score interval of a rate (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Args:
        k: successes, 0 to n.
        n: trials.
        confidence: coverage, between 0 and 1.

    Returns:
        Lower and upper bound in 0..1; (NaN, NaN) where n is 0.
    """
    if n == 0:
        return (math.nan, math.nan)
    z = float(ndtri(0.5 + confidence / 2))
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    return (max(0.0, centre - half), min(1.0, centre + half))


def confusion_matrix(labels: NDArray[np.int64], predicted: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Counts (k, k): row = true class, column = predicted class."""
    return np.bincount(labels * k + predicted, minlength=k * k).reshape(k, k)


def log_losses(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) negative log-likelihood of each true class, nats; probabilities are clipped at 1e-15."""
    return np.asarray(-np.log(np.clip(probabilities[np.arange(len(labels)), labels], 1e-15, 1.0)))


def log_loss(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Mean of `log_losses`, nats. NaN where N is 0."""
    return float(log_losses(probabilities, labels).mean()) if len(labels) else math.nan


def expected_calibration_error(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """ECE of the top class with 15 bins of equal width (Guo et al. 2017, arXiv 1706.04599); NaN where N is 0.

    Bins are open below and closed above: (0, 1/15], (1/15, 2/15], ...
    """
    if not len(labels):
        return math.nan
    return _ece(probabilities, labels, most_probable(probabilities))


def _ece(probabilities: NDArray[np.floating], labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    if not len(labels):
        return math.nan
    confidence = probabilities.max(1)
    right = predicted == labels
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)
    gaps = np.bincount(bins, right - confidence, ECE_BINS)
    return float(np.abs(gaps).sum() / len(labels))


@dataclass(frozen=True)
class ClassScore:
    """One class: `n` true samples; recall with its Wilson interval, precision and F1 (NaN where undefined)."""

    n: int
    recall: float
    recall_interval: tuple[float, float]
    precision: float
    f1: float


@dataclass(frozen=True)
class Scores:
    """The figures of one model on one split.

    Attributes:
        n: samples.
        accuracy: top-1, with its Wilson interval.
        balanced_accuracy: mean recall over the classes that have samples.
        macro_f1: mean over the classes that have samples of 2 TP / (2 TP + FP + FN).
        log_loss: mean negative log-likelihood of the true class, nats; probabilities are clipped at 1e-15.
        ece: expected calibration error of the top class, 15 bins.
        per_class: by class name, in the order of `classes`.
        confusion: (K, K) counts; row = true class, column = predicted class.
        classes: names in order.
    """

    n: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    balanced_accuracy: float
    macro_f1: float
    log_loss: float
    ece: float
    classes: tuple[str, ...]
    per_class: dict[str, ClassScore]
    confusion: NDArray[np.int64]

    def as_json(self) -> dict[str, Any]:
        """Plain numbers for JSON; NaN becomes None."""

        def plain(value: Any) -> Any:
            if isinstance(value, float):
                return None if math.isnan(value) else value
            if isinstance(value, tuple):
                return [plain(v) for v in value]
            return value

        fields = {name: plain(value) for name, value in vars(self).items() if name not in {"per_class", "confusion"}}
        per_class = {c: {k: plain(v) for k, v in vars(s).items()} for c, s in self.per_class.items()}
        return {**fields, "per_class": per_class, "confusion": self.confusion.tolist()}

    def as_text(self) -> str:
        """A table for the terminal."""
        low, high = self.accuracy_interval
        lines = [
            f"n = {self.n:,}; top-1 {self.accuracy:.4f} [{low:.4f}, {high:.4f}] (Wilson, 95 %)",
            (
                f"balanced accuracy {self.balanced_accuracy:.4f}, macro-F1 {self.macro_f1:.4f}, "
                f"log-loss {self.log_loss:.4f}, ECE {self.ece:.4f}"
            ),
            f"{'class':<12}{'n':>7}{'recall':>9}{'95 %':>18}{'precision':>11}{'F1':>9}",
        ]
        for name, s in self.per_class.items():
            interval = f"[{s.recall_interval[0]:.4f}, {s.recall_interval[1]:.4f}]"
            lines.append(f"{name:<12}{s.n:>7,}{s.recall:>9.4f}{interval:>18}{s.precision:>11.4f}{s.f1:>9.4f}")
        return "\n".join(lines)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def score(probabilities: NDArray[np.floating], labels: NDArray[np.int64], classes: ClassSet) -> Scores:
    """All figures of one model on one split.

    Args:
        probabilities: (N, K), rows sum to 1, columns in the order of `classes`.
        labels: (N,) true class indices. N may be 0: every figure is then NaN with n = 0.
        classes: the K classes in order.

    Raises:
        DataError: shapes that do not fit, a label outside the classes, or probabilities that are NaN.
    """
    k = len(classes)
    if probabilities.ndim != 2 or probabilities.shape[1] != k or len(probabilities) != len(labels):
        raise DataError(
            f"{len(labels)} labels over {k} classes need probabilities of the shape ({len(labels)}, {k}), "
            f"not {probabilities.shape}."
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < k:
        raise DataError(f"Labels lie in {labels.min()}..{labels.max()}, but {classes.name} has {k} classes.")
    if np.isnan(probabilities).any():
        bad = int(np.isnan(probabilities).any(1).sum())
        raise DataError(f"{bad} of {len(labels)} predictions are NaN; the model's weights are broken.")
    answers = most_probable(probabilities)
    matrix = confusion_matrix(labels, answers, k)
    support, predicted, hits = matrix.sum(1), matrix.sum(0), matrix.diagonal()
    per_class = {
        name: ClassScore(
            n=int(support[i]),
            recall=_ratio(int(hits[i]), int(support[i])),
            recall_interval=wilson_interval(int(hits[i]), int(support[i])),
            precision=_ratio(int(hits[i]), int(predicted[i])),
            f1=_ratio(2 * int(hits[i]), int(support[i] + predicted[i])) if support[i] else math.nan,
        )
        for i, name in enumerate(classes.names)
    }
    present = [s for s in per_class.values() if s.n]
    n, right = len(labels), int(hits.sum())
    return Scores(
        n=n,
        accuracy=_ratio(right, n),
        accuracy_interval=wilson_interval(right, n),
        balanced_accuracy=_ratio(sum(s.recall for s in present), len(present)),
        macro_f1=_ratio(sum(s.f1 for s in present), len(present)),
        log_loss=log_loss(probabilities, labels),
        ece=_ece(probabilities, labels, answers),
        classes=classes.names,
        per_class=per_class,
        confusion=matrix,
    )
