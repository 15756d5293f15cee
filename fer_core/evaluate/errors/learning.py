"""How many more samples of a class it would take: a learning curve of a linear head on the network's features.

An estimate, and a cheap one: the features stay, only the last layer learns again, from fewer and fewer samples of the
class. The curve is drawn on as a power law (Hestness et al. 2017, arXiv 1712.00409), which has no floor: label noise
puts one under the real curve, so that the answer is a lower bound more often than an upper one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_core.errors import DataError

Values = NDArray[np.float64]
FRACTIONS = (0.125, 0.25, 0.5, 0.75, 1.0)
_OTHERS = 4_000  # samples of the other classes that the head learns from at most
_DRAWS = 2_000


@dataclass(frozen=True)
class LearningCurve:
    """Recall of a class against the number of its training samples.

    Attributes:
        samples: (P,) numbers of training samples of the class.
        recall: (P,) of held-out samples, mean over repeats.
        error: (P,) standard error, of repeats and of the number of held-out samples.
        n: held-out samples of the class.
        exponent: b of 1 - recall = a * samples ** -b, and its 95 % interval.
        exponent_interval: bounds.
        coefficient: a.
        drawn: (draws, 2) log a and b of redrawn curves; what `needed` takes its interval from.
    """

    samples: NDArray[np.int64]
    recall: Values
    error: Values
    n: int
    exponent: float
    exponent_interval: tuple[float, float]
    coefficient: float
    drawn: Values

    def needed(self, recall: float) -> tuple[float, tuple[float, float]]:
        """Training samples of the class at which the power law reaches a recall, with a 95 % interval.

        Infinite where the curve does not fall.

        Raises:
            DataError: a recall outside 0..1.
        """
        if not 0 < recall < 1:
            raise DataError(f"A recall to be reached lies between 0 and 1, not at {recall:g}.")

        def solved(log_a: Values, b: Values) -> Values:
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                return np.where(b > 1e-6, np.exp((log_a - math.log(1 - recall)) / b), math.inf)

        value = float(solved(np.array([math.log(self.coefficient)]), np.array([self.exponent]))[0])
        low, high = np.quantile(solved(self.drawn[:, 0], self.drawn[:, 1]), [0.025, 0.975], method="nearest")
        return value, (float(low), float(high))


@dataclass(frozen=True)
class Measured:
    """Recalls of a class by the number of its training samples: what a `LearningCurve` is drawn through.

    Attributes:
        samples: (P,) training samples of the class.
        recalls: (P, R) of R repeats, on held-out samples.
        n: held-out samples of the class.
    """

    samples: NDArray[np.int64]
    recalls: Values
    n: int

    def as_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {"samples": self.samples.tolist(), "recalls": self.recalls.tolist(), "n": self.n}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Measured:
        """What `as_json` gave."""
        return cls(np.array(value["samples"]), np.array(value["recalls"], dtype=np.float64), int(value["n"]))


def measure_recalls(
    train: tuple[NDArray[np.floating], NDArray[np.int64]],
    held_out: tuple[NDArray[np.floating], NDArray[np.int64]],
    label: int,
    repeats: int = 3,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """Trains the head again with fewer samples of one class, all classes weighted equally.

    Args:
        train: features (N, D) and class indices (N,) to learn from; at most 4,000 of the other classes are used.
        held_out: the same of samples to measure on.
        label: the class.
        repeats: draws of each number of samples.
        seed: of the draws.
        progress: called with (fits done, fits in all); it may raise to stop.

    Raises:
        DataError: fewer than 16 training or 5 held-out samples of the class, or no other class.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    features, labels = train
    own, others = np.flatnonzero(labels == label), np.flatnonzero(labels != label)
    there = held_out[1] == label
    if len(own) < 16 or there.sum() < 5 or not len(others):
        raise DataError(
            f"A learning curve needs 16 training and 5 held-out samples of the class and samples of another one; there "
            f"are {len(own)}, {int(there.sum())} and {len(others)}."
        )
    chance = np.random.default_rng(seed)
    others = chance.permutation(others)[:_OTHERS]
    scaler = StandardScaler().fit(features[np.concatenate([own, others])])
    wanted = scaler.transform(held_out[0][there])
    sizes = np.array([max(2, round(share * len(own))) for share in FRACTIONS])
    recalls = np.empty((len(sizes), repeats))
    for step in range(recalls.size):
        place, again = divmod(step, repeats)
        rows = np.concatenate([chance.permutation(own)[: sizes[place]], others])
        head = LogisticRegression(C=0.1, class_weight="balanced", max_iter=200)
        head.fit(scaler.transform(features[rows]), labels[rows])
        recalls[place, again] = float((head.predict(wanted) == label).mean())
        if progress:
            progress(step + 1, recalls.size)
    return Measured(sizes, recalls, int(there.sum()))


def fitted_curve(measured: Measured, seed: int = 0) -> LearningCurve:
    """The power law through measured recalls.

    Args:
        measured: the recalls.
        seed: of the redrawn curves, whose errors are normal with the standard errors of the points.
    """
    samples, recalls, n = measured.samples, measured.recalls, measured.n
    mean, repeats = recalls.mean(1), recalls.shape[1]
    spread = recalls.var(1, ddof=1) / repeats if repeats > 1 else np.zeros(len(mean))
    shrunk = (mean * n + 1) / (n + 2)  # so that a recall of 1 on few samples has an error, too
    error = np.sqrt(spread + shrunk * (1 - shrunk) / n)
    weights = (1 - shrunk) ** 2 / error**2  # of the logarithm of 1 - recall

    def line(miss: Values) -> Values:
        x, y = np.log(samples), np.log(np.clip(miss, 0.5 / (n + 1), 1.0))
        w = weights / weights.sum()
        x0, y0 = w @ x, y @ w
        slope = ((y - y0[..., None]) * (x - x0)) @ w / (w @ (x - x0) ** 2)
        return np.stack([y0 - slope * x0, -slope], axis=-1)

    log_a, b = line((1 - mean)[None])[0]
    noise = np.random.default_rng(seed).normal(size=(_DRAWS, len(mean))) * error
    drawn = line(1 - mean + noise)
    low, high = np.quantile(drawn[:, 1], [0.025, 0.975])
    return LearningCurve(
        np.asarray(samples), mean, error, n, float(b), (float(low), float(high)), math.exp(log_a), drawn
    )
