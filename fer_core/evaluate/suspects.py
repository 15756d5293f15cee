"""Which of a model's errors may be the annotators': labels that are probably wrong, and what votes say to that."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fer_core.data.label_issues import label_issues
from fer_core.errors import DataError
from fer_core.evaluate.compare.bootstrap import Interval
from fer_core.evaluate.metrics import wilson_interval
from fer_core.evaluate.predictions import Predictions


@dataclass(frozen=True)
class Suspects:
    """Labels that are probably wrong.

    Attributes:
        rows: of the suspected samples, the least likely labels first.
        n: samples that were looked through.
        voted: how many of the suspects have votes with one winner.
        disagree: share of those whose votes' winner is another class than the label; NaN where `voted` is 0.
        base: the same share among all samples with votes: what chance would find.
    """

    rows: NDArray[np.int64]
    n: int
    voted: int
    disagree: Interval
    base: Interval


def suspects(predictions: Predictions, votes: pa.ChunkedArray | None = None) -> Suspects:
    """Looks for wrong labels by `label_issues`.

    Args:
        predictions: of samples that the model was not trained on.
        votes: (N,) class with most votes; null where that is not known.

    Raises:
        DataError: the samples are of fewer than two classes.
    """
    if len(np.unique(predictions.labels)) < 2:
        raise DataError("Wrong labels are looked for among samples of two classes or more; choose more samples.")
    rows = label_issues(predictions.probabilities, predictions.labels)
    if votes is None:
        unknown = _share(0, 0)
        return Suspects(rows, len(predictions), 0, unknown, unknown)
    labels = pa.array(predictions.classes.names).take(pa.array(predictions.labels))
    voted = np.asarray(pc.is_valid(votes))
    other = np.asarray(pc.fill_null(pc.not_equal(votes, labels), False))
    mine = int(voted[rows].sum())
    return Suspects(
        rows, len(predictions), mine, _share(int(other[rows].sum()), mine), _share(int(other.sum()), int(voted.sum()))
    )


def _share(k: int, n: int) -> Interval:
    return Interval(k / n if n else math.nan, *wilson_interval(k, n))
