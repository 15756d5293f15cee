"""Kept prediction tables as pages use them: found by what is picked, opened once, narrowed by filters."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fer_core.card import Card, LabelSource
from fer_core.checkpoint import list_checkpoints
from fer_core.data.query import Filters
from fer_core.evaluate.columns import columns_of_data_set, majority_split, split_hash
from fer_core.evaluate.predictions import Predictions
from fer_core.evaluate.shelf import find, load_unlocked
from ui.datasets.shown import Shown
from ui.evaluation.once import once


@dataclass(frozen=True)
class Where:
    """One split of the version of a data set that is shown, under one kind of labels.

    Attributes:
        shown: the data set.
        split: `train`, `validation` or `test`.
        truth: where the labels come from.
        classes: those that FER+'s majority is taken of; without meaning for labels that are given.
    """

    shown: Shown
    split: str
    truth: LabelSource = "given"
    classes: tuple[str, ...] = ()

    @functools.cached_property
    def _agreed(self) -> tuple[str, dict[str, int]]:
        return majority_split(self.shown.data_set, self.split, self.shown.version.number, self.classes)

    @functools.cached_property
    def data_hash(self) -> str:
        """By which predictions of this split are kept.

        Raises:
            DataError: votes are asked for, and the data set has none.
        """
        if self.truth != "given":
            return self._agreed[0]
        return split_hash(self.shown.data_set, self.split, self.shown.version.number)

    @property
    def left_out(self) -> dict[str, int]:
        """Samples of the split that have no such label, by reason.

        Raises:
            DataError: as `data_hash`.
        """
        return {} if self.truth == "given" else self._agreed[1]

    def as_options(self, card: Card) -> list[str]:
        """What tells a command line where a checkpoint is asked."""
        by = [] if self.truth == card.label_source else ["--truth", self.truth]
        return ["--data", self.shown.data_set.name, "--split", self.split, *by]

    def was_asked(self, card: Card) -> bool:
        """Whether a checkpoint has answered; its table may be damaged.

        Raises:
            DataError: as `data_hash`.
        """
        return find(card.weights_sha256, self.data_hash, self.split) is not None

    def predictions(self, card: Card) -> Predictions | None:
        """What a checkpoint answered, at the temperature of its card; None where it was not asked yet.

        Raises:
            DataError: the table is damaged.
        """
        file = find(card.weights_sha256, self.data_hash, self.split)
        return None if file is None else opened(file, card.temperature)


def opened(file: Path, temperature: float | None = None) -> Predictions:
    """A kept table, opened once; at another temperature where one is given.

    Raises:
        DataError: the table is damaged.
    """
    return _opened(file, file.stat().st_mtime_ns, temperature)


@functools.lru_cache(maxsize=16)
def _opened(file: Path, _written: int, temperature: float | None) -> Predictions:
    found = load_unlocked(file)
    return found if temperature is None else found.at_temperature(temperature)


@dataclass(frozen=True, eq=False)
class Answered:
    """What a model answered on the samples that are looked at.

    Attributes:
        where: data set and split.
        predictions: N samples, all of the split or those that pass the filters.
        rows: (N,) their rows in the data set.
        columns: by name what is known of them, see `columns_of_data_set`.
    """

    where: Where
    predictions: Predictions
    rows: NDArray[np.int64]
    columns: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Evaluated(Answered):
    """What the checkpoint of this card answered."""

    card: Card

    def as_options(self) -> list[str]:
        """What tells a command line which checkpoint, data set and split these are of."""
        folders = [c.folder for c in list_checkpoints() if c.card.weights_sha256 == self.card.weights_sha256]
        checkpoint = str(folders[0]) if folders else self.card.name
        return ["--checkpoint", checkpoint, *self.where.as_options(self.card)]

    def take(self, kept: NDArray[np.int64]) -> Evaluated:
        """Some of the samples, by their places."""
        columns = {name: values.take(pa.array(kept)) for name, values in self.columns.items()}
        return Evaluated(self.where, self.predictions.take(kept), self.rows[kept], columns, self.card)

    def narrowed(self, filters: Filters) -> Evaluated:
        """Only the samples that pass."""
        if filters == Filters(among=dict.fromkeys(filters.among, ())):
            return self

        def pass_through() -> Evaluated:
            passing = np.zeros(self.where.shown.data_set.imported.num_rows, dtype=bool)
            passing[self.where.shown.catalogue().rows(filters)] = True
            return self.take(np.flatnonzero(passing[self.rows]))

        return once(self.predictions, repr(filters), pass_through)


def answered(where: Where, predictions: Predictions) -> Answered:
    """Predictions with what is known of their samples.

    Raises:
        DataError: some are of samples that the data set does not have.
    """
    data_set = where.shown.data_set
    number = where.shown.version.number
    rows, columns = once(
        predictions, (data_set.folder, data_set.imported_at, number),
        lambda: columns_of_data_set(data_set, predictions, number),
    )  # fmt: skip
    return Answered(where, predictions, rows, columns)


def evaluated(where: Where, card: Card) -> Evaluated | None:
    """What a checkpoint answered on a split; None where it was not asked yet.

    Raises:
        DataError: the table is damaged, or of samples that the data set does not have.
    """
    predictions = where.predictions(card)
    if predictions is None:
        return None
    found = answered(where, predictions)
    return Evaluated(where, predictions, found.rows, found.columns, card)
