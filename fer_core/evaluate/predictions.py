"""Prediction tables: what one model answered on one split of one data set, kept so that nothing is computed twice.

```
workspace/predictions/
    MODEL16-DATA16-SPLIT.parquet    the first 16 digits of both hashes
    test-looks.jsonl                a line for each time that a test split was opened, see `locked`
```

Columns: `sample_id`, `split`, `label` (name), `latency_ms`, `twin` (null where that is not known), and for each view V
and class NAME `logit_V_NAME`, as the network gave it, before the temperature. The metadata is `About`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from fer_core.errors import CheckpointError, DataError
from fer_core.evaluate.metrics import Scores, log_losses, score
from fer_core.labels import ClassSet, class_set
from fer_core.softmax import most_probable, temper
from fer_core.whole import whole
from fer_core.workspace import workspace

if TYPE_CHECKING:
    from fer_core.evaluate.evaluation import Evaluation

METADATA_KEY = b"ferscope.prediction_table"


class About(BaseModel):
    """What a prediction table holds the predictions of.

    Attributes:
        model: name of the checkpoint.
        model_hash: sha256 of its weights.
        data: name of the data set, or of its file.
        data_hash: `SampleTable.data_hash` of the samples.
        split: `train`, `validation` or `test`.
        classes: the model's classes in the order of its outputs; labels are indices into them.
        temperature: what logits are divided by before the softmax.
        preprocess: the card's preprocessing as JSON; empty for a table that no checkpoint made.
        latency_ms: mean time per face within batches, preprocessing included; None where it was not measured.
        created: UTC time, ISO 8601.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    model_hash: str
    data: str = ""
    data_hash: str
    split: str
    classes: tuple[str, ...]
    temperature: float = Field(1.0, gt=0)
    preprocess: str = ""
    latency_ms: float | None = None
    created: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def file(self) -> Path:
        """Where the table lies, or will.

        Raises:
            CheckpointError: a hash or a split that cannot be part of a file's name.
        """
        for what, value in (("model", self.model_hash), ("data", self.data_hash)):
            if not re.fullmatch("[0-9a-f]{64}", value):
                raise CheckpointError(
                    f"Predictions are kept by hashes, but that of the {what} is {value[:70]!r}, no SHA-256; "
                    "a checkpoint's card tells it as weights_sha256."
                )
        if not re.fullmatch("[a-z]{1,20}", self.split):
            raise DataError(f"{self.split[:40]!r} is no split; it is train, validation or test.")
        return folder() / f"{self.model_hash[:16]}-{self.data_hash[:16]}-{self.split}.parquet"


def folder() -> Path:
    """Where prediction tables lie; it may not exist yet."""
    return workspace() / "predictions"


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of one model on one split.

    Attributes:
        sample_ids: N ids as in the sample table, no id twice.
        labels: (N,) true class indices in the order of `about.classes`.
        logits: (V, N, K) float32, V views (face, mirror image), before the temperature.
        about: whose predictions, of what.
        twins: (N,) whether a training sample has exactly the same pixels; None where that is not known.

    Raises:
        DataError: shapes that do not fit, an id that stands twice, a label outside the classes, or logits that are not
            finite.
    """

    sample_ids: pa.Array
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    about: About
    twins: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        n, k = len(self.sample_ids), len(self.about.classes)
        if self.logits.ndim != 3 or self.logits.shape[1:] != (n, k) or len(self.labels) != n:
            raise DataError(
                f"{n:,} samples over {k} classes need {n:,} labels and logits of the shape (views, {n}, {k}); given "
                f"are {len(self.labels):,} and {self.logits.shape}."
            )
        if n and not 0 <= self.labels.min() <= self.labels.max() < k:
            raise DataError(f"Labels lie in {self.labels.min()}..{self.labels.max()}, but there are {k} classes.")
        if not np.isfinite(self.logits.sum(dtype=np.float64)) and not np.isfinite(self.logits).all():
            bad = ~np.isfinite(self.logits).all((0, 2))
            first = self.sample_ids[int(bad.argmax())].as_py()
            raise DataError(
                f"{int(bad.sum()):,} of {n:,} samples have logits that are not finite, the first {first!r}; the "
                f"weights of {self.about.model} are broken, train it again with a lower learning rate."
            )
        rising = pc.all(pc.less(self.sample_ids[:-1], self.sample_ids[1:])).as_py()  # told at once, and often so
        if not rising and pc.count_distinct(self.sample_ids).as_py() != n:
            counts = pc.value_counts(self.sample_ids)
            first = next(c for c in counts.to_pylist() if c["counts"] > 1)
            raise DataError(
                f"The sample id {first['values']!r} stands {first['counts']} times in the predictions of "
                f"{self.about.model}; ids must be unique. Make the data's ids so, or evaluate again."
            )

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def classes(self) -> ClassSet:
        """The K classes in order."""
        return class_set(self.about.classes)

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """(N, K), rows sum to 1: the mean over views of the tempered probabilities."""
        return temper(self.logits, self.about.temperature)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) the most probable class; the first one where two are equal."""
        return most_probable(self.probabilities)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """(N,) probability of the predicted class."""
        return np.asarray(self.probabilities.max(1))

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """(N,) whether the predicted class is the label."""
        return np.asarray(self.predicted == self.labels)

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """(N,) negative log-likelihood of the label, nats; see `metrics.log_losses`."""
        return log_losses(self.probabilities, self.labels)

    def ranked(self, column: int) -> NDArray[np.int64]:
        """(N,) rows by falling probability of one class; sorted once."""
        if column not in self._ranked:
            self._ranked[column] = np.argsort(-self.probabilities[:, column])
        return self._ranked[column]

    @cached_property
    def _ranked(self) -> dict[int, NDArray[np.int64]]:
        return {}

    def scores(self) -> Scores:
        """All figures; see `Scores`."""
        return score(self.probabilities, self.labels, self.classes)

    def ids(self, rows: NDArray[np.int64]) -> list[str]:
        """The sample ids of some rows, in their order."""
        return self.sample_ids.take(pa.array(rows)).to_pylist()  # type: ignore[no-any-return]

    def take(self, rows: NDArray[Any]) -> Predictions:
        """Some of the samples, by their rows or by a mask (N,); what is already computed is not computed again."""
        rows = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        part = object.__new__(Predictions)  # a part of what has been checked
        fields = {
            "sample_ids": self.sample_ids.take(pa.array(rows)),
            "labels": self.labels[rows],
            "logits": self.logits[:, rows],
            "about": self.about,
            "twins": None if self.twins is None else self.twins[rows],
        }
        computed = {
            name: self.__dict__[name][rows]
            for name in ("probabilities", "predicted", "confidence", "right", "losses")
            if name in self.__dict__
        }
        part.__dict__.update(fields | computed)
        return part

    def without_twins(self) -> Predictions | None:
        """The samples that have no exact twin among the training samples; None where that is not known."""
        return None if self.twins is None else self.take(~self.twins)

    def at_temperature(self, temperature: float) -> Predictions:
        """The same answers at another temperature."""
        if temperature == self.about.temperature:
            return self
        return replace(self, about=self.about.model_copy(update={"temperature": temperature}))

    def named(self, name: str) -> Predictions:
        """The same answers under another name of the model."""
        twin = object.__new__(Predictions)
        twin.__dict__.update(self.__dict__ | {"about": self.about.model_copy(update={"model": name})})
        return twin

    def as_table(self) -> pa.Table:
        """The table that is kept; see the head of this module."""
        about, n = self.about, len(self)
        columns: dict[str, Any] = {
            "sample_id": self.sample_ids,
            "split": pa.repeat(pa.scalar(about.split), n),
            "label": pa.array(np.array(about.classes, dtype=object)).take(pa.array(self.labels)),
            "latency_ms": pa.repeat(pa.scalar(about.latency_ms, pa.float32()), n),
            "twin": pa.nulls(n, pa.bool_()) if self.twins is None else pa.array(self.twins),
        }
        for view, logits in enumerate(self.logits):
            columns |= {f"logit_{view}_{c}": pa.array(logits[:, i]) for i, c in enumerate(about.classes)}
        return pa.table(columns).replace_schema_metadata({METADATA_KEY: about.model_dump_json().encode()})

    def save(self) -> Path:
        """Writes the table where `shelf.load` and `shelf.find` look for it, whole or not at all."""
        file = self.about.file
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file, f".{secrets.token_hex(4)}") as scratch:
            pq.write_table(self.as_table(), scratch, compression="lz4", use_dictionary=["split", "label"])
        return file

    @classmethod
    def of_probabilities(
        cls, sample_ids: Sequence[str], labels: NDArray[np.int64], probabilities: NDArray[np.floating], about: About
    ) -> Self:
        """Predictions of which only the probabilities (N, K) are known; their logarithms stand for logits.

        Raises:
            DataError: as the class; a probability of exactly 0 becomes 1e-15, which a log-loss takes for it anyhow.
        """
        logits = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), 1e-15))[None].astype(np.float32)
        return cls(pa.array(sample_ids, pa.string()), labels, logits, about.model_copy(update={"temperature": 1.0}))

    @classmethod
    def of_evaluation(cls, found: Evaluation, about: About) -> Self:
        """The table of an evaluation."""
        return cls(pa.array(found.sample_ids, pa.string()), found.labels, found.logits, about, found.twins)

    def as_evaluation(self) -> Evaluation:
        """The evaluation that the table is of."""
        from fer_core.evaluate.evaluation import Evaluation  # torch

        about = self.about
        return Evaluation(
            tuple(self.sample_ids.to_pylist()), self.labels, self.logits, about.temperature, self.classes,
            about.model_hash, about.data_hash, float("nan") if about.latency_ms is None else about.latency_ms,
            self.twins,
        )  # fmt: skip
