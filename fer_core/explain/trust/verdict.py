"""Whether a method may be believed on a model: what is asked of it, and the answer with its reasons."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_core.evaluate.bootstrap import Interval, Resampling, mean_with_interval, plain
from fer_core.explain.trust.baselines import CENTRE, RANDOM

# At a rank correlation of 0.5 two maps share a quarter of their ranks' variance.
ALIKE = 0.5
FEWEST = 10

State = Literal["sound", "doubtful", "failed", "undecided"]


@dataclass(frozen=True)
class Measure:
    """Something measured of every face.

    Attributes:
        name: key.
        title: as shown.
        higher_is_better: the direction.
        weight: what it means to be no better than a random map: `fail`, `doubt`, or `none`.
    """

    name: str
    title: str
    higher_is_better: bool
    weight: Literal["fail", "doubt", "none"]


MEASURES = (
    Measure("road", "ROAD", True, "fail"),
    Measure("deletion, blur", "Deletion, blurred", False, "doubt"),
    Measure("deletion, mean", "Deletion, mean grey", False, "doubt"),
    Measure("insertion, blur", "Insertion, blurred", True, "doubt"),
    Measure("insertion, mean", "Insertion, mean grey", True, "doubt"),
    Measure("pointing", "Pointing game", True, "doubt"),
    Measure("mass", "Mass in the true region", True, "fail"),
)


@dataclass(frozen=True)
class Figure:
    """A mean over faces.

    Attributes:
        mean: NaN where n is 0.
        interval: bootstrap interval; NaN below two faces.
        n: faces.
    """

    mean: float
    interval: Interval
    n: int

    @classmethod
    def of(cls, values: NDArray[np.floating], how: Resampling) -> Figure:
        """Of values (N,), those that are finite."""
        return cls(*mean_with_interval(values, how))


@dataclass(frozen=True)
class Check:
    """One question to a method.

    Attributes:
        name: what is asked.
        passed: the answer; None: cannot be told.
        grave: whether a no fails the method, or only casts doubt.
        reason: the answer in a sentence, with its figures.
    """

    name: str
    passed: bool | None
    grave: bool
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What is thought of a method on a model.

    Attributes:
        method: its name.
        state: `failed` where a grave check is; `doubtful` where another is; `undecided` where there were fewer than
            ten faces; else `sound`.
        checks: all of them.
    """

    method: str
    state: State
    checks: tuple[Check, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Sentences of the checks that were not passed."""
        return tuple(check.reason for check in self.checks if check.passed is False)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"method": self.method, "state": self.state, "checks": [plain(asdict(c)) for c in self.checks]}


Values = dict[str, NDArray[np.float64]]
"""(N,) by name of the measure."""


def judged(method: str, own: Values, baselines: dict[str, Values], how: Resampling, *, class_specific: bool) -> Verdict:
    """The verdict on one method.

    Args:
        method: its name.
        own: what was measured of it, by names of `MEASURES`; and `randomised`, the rank correlation with the maps of a
            network without learned weights, and `stability`.
        baselines: the same measures of `RANDOM` and `CENTRE`.
        how: the bootstrap; differences are paired.
        class_specific: whether the map depends on the explained class.
    """
    n = max((int(np.isfinite(values).sum()) for values in own.values()), default=0)
    checks = [
        _better(measure, own[measure.name], baselines[RANDOM][measure.name], RANDOM, how)
        for measure in MEASURES
        if measure.weight != "none" and np.isfinite(own.get(measure.name, np.empty(0))).any()
    ]
    if np.isfinite(own.get("road", np.empty(0))).any():
        checks.append(_better(MEASURES[0], own["road"], baselines[CENTRE]["road"], CENTRE, how))
    checks += [_gone(own["randomised"], how), _steady(own["stability"], how)]
    if not class_specific:
        checks.append(Check("class", False, False, "The map is the same whichever class is explained."))
    if n < FEWEST:
        return Verdict(method, "undecided", tuple(checks))
    bad = [check for check in checks if check.passed is False]
    state: State = "failed" if any(check.grave for check in bad) else "doubtful" if bad else "sound"
    return Verdict(method, state, tuple(checks))


def _better(
    measure: Measure, own: NDArray[np.float64], other: NDArray[np.float64], name: str, how: Resampling
) -> Check:
    """Whether a method beats a baseline: the paired difference's interval lies above zero."""
    gain = Figure.of(own - other if measure.higher_is_better else other - own, how)
    passed = None if math.isnan(gain.interval[0]) else gain.interval[0] > 0
    low, high = gain.interval
    verb = "is better" if passed else "is not surely better"
    reason = (
        f"{measure.title} {verb} than that of a {name}: by {gain.mean:.3f} [{low:.3f}, {high:.3f}], n = {gain.n:,}."
    )
    return Check(f"{measure.name} against {name}", passed, measure.weight == "fail" and name == RANDOM, reason)


def _gone(values: NDArray[np.float64], how: Resampling) -> Check:
    """Whether the map goes with the weights. A map that becomes constant is gone."""
    figure = Figure.of(np.where(np.isfinite(values), values, 0.0), how)
    passed = None if not figure.n else figure.mean < ALIKE
    reason = (
        f"With all weights shuffled the map {'changes' if passed else 'stays much the same'}: rank correlation "
        f"{figure.mean:.2f} [{figure.interval[0]:.2f}, {figure.interval[1]:.2f}], n = {figure.n:,}."
    )
    return Check("randomisation", passed, True, reason)


def _steady(values: NDArray[np.float64], how: Resampling) -> Check:
    figure = Figure.of(values, how)
    passed = None if not figure.n else figure.mean >= ALIKE
    reason = (
        f"The map {'moves' if passed else 'does not move'} with a face shifted a little: rank correlation "
        f"{figure.mean:.2f} [{figure.interval[0]:.2f}, {figure.interval[1]:.2f}], n = {figure.n:,}."
    )
    return Check("stability", passed, False, reason)
