"""Why a class is said too rarely, or too often: how close it comes, and what weight of its probability would mend it.

A classifier that learnt from few samples of a class gives it a small prior, and so says it more rarely than it occurs,
though its probability may rank the right samples first. The weight that brings the two numbers together tells how far
prior alone explains the column; the recall at that weight tells what is left over for the features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fer_core.cli import percent
from fer_core.evaluate.metrics import wilson_interval
from fer_core.evaluate.predictions import Predictions


@dataclass(frozen=True)
class Column:
    """One class's column of the confusion matrix.

    Attributes:
        name: of the class.
        n: samples of it.
        said: samples that are taken for it.
        hits: of these, those that are it.
        recall: hits among its samples; NaN with n = 0.
        recall_interval: Wilson's.
        second: its samples that are taken for another class and have it in the second place.
        median: median probability that the model gives to it on the samples of it that it misses; NaN where there are
            none.
        weight: what its probability is to be multiplied by, so that it is said exactly `n` times, fitted on these very
            samples; above 1 where it is said too rarely. NaN with n = 0.
        recall_weighted: recall with that weight; precision then is the same number.
        recall_weighted_interval: Wilson's.
        accuracy: top-1 as it is.
        accuracy_weighted: top-1 with the weight.
    """

    name: str
    n: int
    said: int
    hits: int
    recall: float
    recall_interval: tuple[float, float]
    second: int
    median: float
    weight: float
    recall_weighted: float
    recall_weighted_interval: tuple[float, float]
    accuracy: float
    accuracy_weighted: float

    def as_text(self) -> str:
        """In one or two sentences."""
        if not self.n:
            return f"No sample is annotated as {self.name}; the model says it {_times(self.said)}."
        missed = self.n - self.hits
        text = f"The model never says {self.name}; there are {self.n:,}."
        if self.said:
            text = (
                f"The model says {self.name} {_times(self.said)}, {self.hits:,} of them rightly; there are {self.n:,}."
            )
        if missed:
            text += (
                f" Of the {missed:,} missed, {self.second:,} have it in the second place (median probability "
                f"{self.median:.2f})."
            )
        before, after = (
            percent(self.recall, self.recall_interval),
            percent(self.recall_weighted, self.recall_weighted_interval),
        )
        return (
            f"{text} With its probability multiplied by {self.weight:.3g} it would be said {_times(self.n)}: recall "
            f"{before} -> {after}, top-1 {percent(self.accuracy)} -> {percent(self.accuracy_weighted)}."
        )


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n:,} times"


def column(predictions: Predictions, name: str) -> Column:
    """What explains how often a class is said.

    Args:
        predictions: N samples.
        name: of the class.

    Returns:
        Where several samples lie exactly at the weight, it may be said a few times more or less.

    Raises:
        DataError: a class that there is none of.
    """
    i, given = predictions.classes.index(name), predictions.probabilities
    mine, said = predictions.labels == i, predictions.predicted == i
    n, missed = int(mine.sum()), mine & ~said
    second = int(((given[missed] > given[missed, i][:, None]).sum(1) == 1).sum())
    weight = recall = accuracy = math.nan
    bounds = (math.nan, math.nan)
    if n:
        others = given.copy()
        others[:, i] = -1
        needed = others.max(1) / np.maximum(given[:, i], 1e-300)  # the weight from which on the class is said
        weight = _between(np.sort(needed), n)
        weighed = needed < weight
        recall, bounds = float(weighed[mine].mean()), wilson_interval(int(weighed[mine].sum()), n)
        accuracy = float((np.where(weighed, i, others.argmax(1)) == predictions.labels).mean())
    hits = int((mine & said).sum())
    return Column(
        predictions.classes.names[i], n, int(said.sum()), hits, hits / n if n else math.nan, wilson_interval(hits, n),
        second, float(np.median(given[missed, i])) if missed.any() else math.nan, weight, recall, bounds,
        float(predictions.right.mean()) if len(predictions) else math.nan, accuracy,
    )  # fmt: skip


def _between(rising: np.ndarray, n: int) -> float:
    """A number above the first n of rising positive ones and, where there are more, below the next."""
    low = float(rising[n - 1])
    return math.sqrt(low * float(rising[n])) if n < len(rising) else low * 1.01
