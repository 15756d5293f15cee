"""Runs a model over a data set once and keeps every prediction."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from fer_core.data import SampleTable
from fer_core.errors import DataError
from fer_core.evaluate.metrics import Scores, score
from fer_core.labels import ClassSet
from fer_core.predict import Predictor
from fer_core.softmax import most_probable, temper


@dataclass(frozen=True)
class Evaluation:
    """What a model answered on one table of samples.

    Attributes:
        sample_ids: (N,) as in the sample table.
        labels: (N,) true class indices in the order of `classes`.
        logits: (V, N, K); V views (face, mirror image), columns in the order of `classes`.
        temperature: the card's.
        classes: the model's classes.
        model_hash: sha256 of the weights, or of the file that was exported from them.
        data_hash: hash of the samples.
        latency_ms: mean time per face within batches, preprocessing included; NaN where N is 0.
        twins: (N,) whether a training sample has exactly the same pixels; None where no training samples were given.
    """

    sample_ids: tuple[str, ...]
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    temperature: float
    classes: ClassSet
    model_hash: str
    data_hash: str
    latency_ms: float
    twins: NDArray[np.bool_] | None = None

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """(N, K), rows sum to 1."""
        return temper(self.logits, self.temperature)

    def scores(self) -> Scores:
        """All figures; see `Scores`."""
        return score(self.probabilities, self.labels, self.classes)

    def deduplicated(self) -> Scores | None:
        """All figures on the samples without an exact twin among the training samples; None where `twins` is.

        Copies that differ in a pixel (another size, another compression) stay in.
        """
        if self.twins is None:
            return None
        return score(self.probabilities[~self.twins], self.labels[~self.twins], self.classes)

    def as_json(self) -> dict[str, Any]:
        """`Scores.as_json` of all samples, and beside it what is known of their twins.

        `twins_in_train` is their number and `deduplicated` holds the same figures without them; both are None where no
        training samples were given.
        """
        apart = self.deduplicated()
        return {
            **self.scores().as_json(),
            "twins_in_train": None if self.twins is None else int(self.twins.sum()),
            "deduplicated": apart and apart.as_json(),
        }

    def as_text(self) -> str:
        """Both figures for the terminal; the table of classes is that of all samples."""
        text, apart = self.scores().as_text(), self.deduplicated()
        if apart is None or self.twins is None:
            return text
        headline = "\n".join(apart.as_text().splitlines()[:2])
        return (
            f"{text}\nwithout the {self.twins.sum():,} samples that have an exact twin in the train split:\n{headline}"
        )


def evaluate(
    predictor: Predictor,
    samples: SampleTable,
    progress: Callable[[int, int], None] | None = None,
    train: SampleTable | None = None,
) -> Evaluation:
    """Predicts every sample of a table that has a label.

    Labels are matched to the model's classes by name. The samples are taken as face crops: no detector runs.

    Args:
        predictor: the model.
        samples: N of them, in the order of the answer.
        progress: called with (faces done, faces in all) after each batch.
        train: the training samples of the same data set, to tell which of the others are exact copies of one (equal
            `sha256` of the pixels).

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
        model_hash=predictor.model_hash,
        data_hash=samples.data_hash(),
        latency_ms=seconds / len(names) * 1000 if names else float("nan"),
        twins=None if train is None else twins_of(samples, train),
    )


def twins_of(samples: SampleTable, train: SampleTable) -> NDArray[np.bool_]:
    """(N,) whether a training sample has exactly the same pixels (equal `sha256`)."""
    return np.asarray(pc.is_in(samples.table["sha256"], value_set=train.table["sha256"].combine_chunks()), dtype=bool)


def same_top1(first: Evaluation, second: Evaluation) -> int:
    """On how many samples two evaluations of the same samples name the same class."""
    answers = (most_probable(found.probabilities) for found in (first, second))
    return int(np.equal(*answers).sum())
