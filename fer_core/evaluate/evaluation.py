"""Runs a model over a data set once and keeps every prediction."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_core.data import SampleTable
from fer_core.errors import DataError
from fer_core.evaluate.metrics import Scores, score
from fer_core.labels import ClassSet
from fer_core.predict import Predictor, temper


@dataclass(frozen=True)
class Evaluation:
    """What a model answered on one table of samples.

    Attributes:
        sample_ids: (N,) as in the sample table.
        labels: (N,) true class indices in the order of `classes`.
        logits: (V, N, K); V views (face, mirror image), columns in the order of `classes`.
        temperature: the card's.
        classes: the model's classes.
        model_hash: sha256 of the weights.
        data_hash: hash of the samples.
        latency_ms: mean time per face within batches, preprocessing included; NaN where N is 0.
    """

    sample_ids: tuple[str, ...]
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    temperature: float
    classes: ClassSet
    model_hash: str
    data_hash: str
    latency_ms: float

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """(N, K), rows sum to 1."""
        return temper(self.logits, self.temperature)

    def scores(self) -> Scores:
        """All figures; see `Scores`."""
        return score(self.probabilities, self.labels, self.classes)


def evaluate(
    predictor: Predictor, samples: SampleTable, progress: Callable[[int, int], None] | None = None
) -> Evaluation:
    """Predicts every sample of a table that has a label.

    Labels are matched to the model's classes by name. The samples are taken as face crops: no detector runs.

    Raises:
        DataError: a sample without a label, or with one that the model does not know.
    """
    names = samples.table["label"].to_pylist()
    if None in names:
        raise DataError(
            f"{names.count(None)} of {len(names)} samples have no label, so that nothing can be measured on them; "
            "leave them out or label them."
        )
    unknown = sorted({n for n in names if n not in predictor.classes.names})
    if unknown:
        raise DataError(
            f"The data has the label(s) {', '.join(unknown)}, which {predictor.card.name} does not know; "
            f"its classes are {', '.join(predictor.classes.names)}."
        )
    started = time.perf_counter()
    logits = predictor.logits(samples.faces(), progress=progress)
    seconds = time.perf_counter() - started
    return Evaluation(
        sample_ids=tuple(samples.table["sample_id"].to_pylist()),
        labels=np.array([predictor.classes.index(n) for n in names], dtype=np.int64),
        logits=logits,
        temperature=predictor.card.temperature,
        classes=predictor.classes,
        model_hash=predictor.card.weights_sha256,
        data_hash=samples.data_hash(),
        latency_ms=seconds / len(names) * 1000 if names else float("nan"),
    )
