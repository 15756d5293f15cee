"""Probabilities that do not flicker, and what may be said of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNSURE = "unsure"


class Smoother:
    """Exponential smoothing of one face's probabilities by time, not by frames.

    An answer that is `window_s` old weighs 1/e of a new one (times its share of the mean), at any frame rate and
    however unevenly the answers come.

    Args:
        window_s: time constant in seconds; 0 gives each answer as it is.

    Attributes:
        latest: time in seconds and (K,) probabilities of the last answer as it came; None before the first.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._mean: NDArray[np.float64] | None = None
        self._at_s = 0.0
        self.latest: tuple[float, NDArray[np.float64]] | None = None

    @property
    def value(self) -> NDArray[np.float64] | None:
        """(K,) smoothed probabilities, sum 1; None before the first answer."""
        return self._mean

    def update(self, probabilities: NDArray[np.float64], at_s: float) -> NDArray[np.float64]:
        """Takes an answer for the frame of time `at_s` (seconds) and gives the new mean, (K,).

        A time before the last one counts as the same time and changes nothing.
        """
        self.latest = (at_s, probabilities)
        if self._mean is None:
            self._mean, self._at_s = probabilities.astype(np.float64), at_s
            return self._mean
        passed_s = max(0.0, at_s - self._at_s)
        kept = math.exp(-passed_s / self._window_s) if self._window_s > 0 else 0.0
        self._mean = kept * self._mean + (1 - kept) * probabilities
        self._at_s = max(at_s, self._at_s)
        return self._mean


@dataclass(frozen=True)
class Reading:
    """What is said of a face.

    Attributes:
        label: the most probable class, or `UNSURE` below the threshold.
        probability: of the most probable class, also where the label is `UNSURE`.
    """

    label: str
    probability: float


def read(probabilities: NDArray[np.float64], names: Sequence[str], threshold: float) -> Reading:
    """The label of (K,) calibrated probabilities in the order of `names`; `UNSURE` where none reaches `threshold`."""
    best = int(probabilities.argmax())
    probability = float(probabilities[best])
    return Reading(names[best] if probability >= threshold else UNSURE, probability)
