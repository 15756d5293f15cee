"""Models in pairs: tests with multiplicity corrected, how often they agree, and where they do not."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fer_core.evaluate.compare.aligned import aligned
from fer_core.evaluate.compare.bootstrap import DRAWS, METRICS, Bootstrap, Interval, bootstrap
from fer_core.evaluate.metrics import CONFIDENCE
from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.significance import McNemar, exact_mcnemar, holm

Kind = Literal["only_first", "only_second", "both_wrong_differently", "both_wrong_alike"]


@dataclass(frozen=True)
class ClassDifference:
    """One class under two models.

    Attributes:
        name: of the class.
        n: samples of it.
        difference: recall of the first less that of the second; NaN with n = 0.
        test: McNemar's on the samples of the class.
        p_holm: over the classes of this pair.
    """

    name: str
    n: int
    difference: Interval
    test: McNemar
    p_holm: float


@dataclass(frozen=True)
class Pair:
    """Two models on the same samples; differences are the first less the second.

    Attributes:
        first: name of a model.
        second: name of the other.
        n: samples.
        test: McNemar's on all samples, of the accuracies' equality.
        p_holm: of that test, over all pairs that were compared at once.
        differences: by name of `METRICS`.
        classes: in order.
    """

    first: str
    second: str
    n: int
    test: McNemar
    p_holm: float
    differences: dict[str, Interval]
    classes: tuple[ClassDifference, ...]

    def as_text(self) -> str:
        """For the terminal."""
        test = self.test
        lines = [
            f"{self.first} less {self.second}, n = {self.n:,}",
            f"only {self.first} right: {test.only_first:,}; only {self.second} right: {test.only_second:,}",
            f"exact McNemar p = {test.p:.3g}, Holm over pairs {self.p_holm:.3g}",
        ]
        lines += [f"  {name:<20}{_shown(d)}  p = {d.p:.3g}" for name, d in self.differences.items()]
        lines += [
            f"  recall {c.name:<13}{_shown(c.difference)}  p = {c.test.p:.3g}, Holm {c.p_holm:.3g}, n = {c.n:,}"
            for c in self.classes
        ]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Plain numbers; NaN becomes None."""
        return {
            "first": self.first,
            "second": self.second,
            "n": self.n,
            "mcnemar": {**vars(self.test), "p": plain(self.test.p), "p_holm": plain(self.p_holm)},
            "differences": {name: _json(d) for name, d in self.differences.items()},
            "recall": {
                c.name: {
                    **_json(c.difference), "n": c.n, "only_first": c.test.only_first,
                    "only_second": c.test.only_second, "p": plain(c.test.p), "p_holm": plain(c.p_holm),
                }
                for c in self.classes
            },
        }  # fmt: skip


def plain(value: float) -> float | None:
    """A number for JSON: None for what is not finite."""
    return float(value) if math.isfinite(value) else None


def _json(interval: Interval) -> dict[str, float | None]:
    return {name: plain(value) for name, value in vars(interval).items()}


def _shown(interval: Interval) -> str:
    return f"{interval.value:+9.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"


def compare(
    tables: Sequence[Predictions], draws: int = DRAWS, seed: int = 0, confidence: float = CONFIDENCE
) -> tuple[list[Pair], Bootstrap]:
    """Every pair of models, the earlier one first.

    Args:
        tables: two or more on the same samples; `aligned` is applied.
        draws: of the bootstrap.
        seed: of the draws.
        confidence: coverage of the intervals.

    Returns:
        The pairs in the order of `itertools.combinations`, and the bootstrap with the models' own intervals.

    Raises:
        DataError: as `aligned`.
    """
    tables = aligned(tables)
    drawn = bootstrap(tables, draws, seed, confidence)
    both = _both_right(tables)
    found = [
        _pair(tables[0].classes.names, both, drawn, first, second)
        for first, second in itertools.combinations(range(len(tables)), 2)
    ]
    corrected = holm([pair.test.p for pair in found])
    return [replace(pair, p_holm=float(p)) for pair, p in zip(found, corrected, strict=True)], drawn


def _both_right(tables: Sequence[Predictions]) -> NDArray[np.int64]:
    """(K, M + 1, M + 1) samples of each class that two models both have right; the last one stands for the truth."""
    labels, k = tables[0].labels, len(tables[0].classes)
    order = np.argsort(labels.astype(np.int16), kind="stable")
    right = np.stack([*(table.right[order] for table in tables), np.ones(len(labels), dtype=bool)])
    edges = np.searchsorted(labels[order], np.arange(k + 1))
    blocks = (right[:, start:stop].astype(np.float64) for start, stop in itertools.pairwise(edges))
    return np.stack([np.rint(block @ block.T).astype(np.int64) for block in blocks])


def _pair(names: Sequence[str], both: NDArray[np.int64], drawn: Bootstrap, first: int, second: int) -> Pair:
    support = both[:, -1, -1]
    mine = both[:, first, -1] - both[:, first, second]
    theirs = both[:, second, -1] - both[:, first, second]
    tests = [exact_mcnemar(int(b), int(c), int(n)) for b, c, n in zip(mine, theirs, support, strict=True)]
    corrected = holm([test.p for test in tests])
    classes = tuple(
        ClassDifference(name, test.n, drawn.difference(first, second, f"recall: {name}"), test, float(p))
        for name, test, p in zip(names, tests, corrected, strict=True)
    )
    differences = {name: drawn.difference(first, second, name) for name in METRICS}
    whole = exact_mcnemar(int(mine.sum()), int(theirs.sum()), drawn.n)
    return Pair(drawn.models[first], drawn.models[second], drawn.n, whole, whole.p, differences, classes)


@dataclass(frozen=True)
class Agreement:
    """How often models say the same.

    Attributes:
        models: M names.
        share: (M, M) of samples on which two say the same class; NaN on no samples.
        kappa: (M, M) Cohen's, of which chance is taken out (Cohen 1960); NaN where chance alone agrees.
        errors: (M, M) of the samples that either has wrong, the share that both have wrong; NaN where there are none.
    """

    models: tuple[str, ...]
    share: NDArray[np.float64]
    kappa: NDArray[np.float64]
    errors: NDArray[np.float64]


def agreement(tables: Sequence[Predictions]) -> Agreement:
    """Agreement of every two models.

    Raises:
        DataError: as `aligned`.
    """
    tables = aligned(tables)
    m, n, k = len(tables), len(tables[0]), len(tables[0].classes)
    share, kappa, errors = (np.full((m, m), math.nan) for _ in range(3))
    said = [np.bincount(table.predicted, minlength=k) / max(n, 1) for table in tables]
    for i, j in itertools.product(range(m), repeat=2):
        if not n:
            continue
        share[i, j] = (tables[i].predicted == tables[j].predicted).mean()
        chance = float(said[i] @ said[j])
        kappa[i, j] = (share[i, j] - chance) / (1 - chance) if chance < 1 else math.nan
        either = int((~tables[i].right | ~tables[j].right).sum())
        errors[i, j] = (~tables[i].right & ~tables[j].right).sum() / either if either else math.nan
    return Agreement(tuple(table.about.model for table in tables), share, kappa, errors)


def disagreements(first: Predictions, second: Predictions) -> dict[Kind, NDArray[np.int64]]:
    """Rows where one model or both are wrong.

    Args:
        first: a table; rows are its own.
        second: another on the same samples; `aligned` is applied.

    Returns:
        By kind the rows, those first on which the two models' probabilities of the label differ most; among those that
        both have wrong, those to whose label both together give least.

    Raises:
        DataError: as `aligned`.
    """
    first, second = aligned([first, second])
    rows = np.arange(len(first))
    mine, theirs = first.probabilities[rows, first.labels], second.probabilities[rows, first.labels]
    alike = first.predicted == second.predicted
    masks: dict[Kind, tuple[NDArray[np.bool_], NDArray[np.float64]]] = {
        "only_first": (first.right & ~second.right, theirs - mine),
        "only_second": (second.right & ~first.right, mine - theirs),
        "both_wrong_differently": (~first.right & ~second.right & ~alike, mine + theirs),
        "both_wrong_alike": (~first.right & ~second.right & alike, mine + theirs),
    }
    return {kind: rows[of][np.argsort(key[of], kind="stable")] for kind, (of, key) in masks.items()}
