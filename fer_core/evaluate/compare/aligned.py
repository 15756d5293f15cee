"""Brings prediction tables onto the same samples in the same order, with classes in the same order; or says why not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fer_core.errors import DataError
from fer_core.evaluate.predictions import Predictions

_EXAMPLES = 3


def aligned(tables: Sequence[Predictions], *, common: bool = False) -> list[Predictions]:
    """Tables that can be compared sample by sample.

    Args:
        tables: one or more; the first one gives the order of samples and classes.
        common: take the samples that all have, where they are not the same ones. They must come from the same split.

    Returns:
        As many tables, with equal `sample_ids`, `labels` and classes.

    Raises:
        DataError: no table, other classes, splits or samples, or other labels for the same samples; the message tells
            the difference.
    """
    if not tables:
        raise DataError("There is nothing to compare; give the predictions of one model or more.")
    first = tables[0]
    for other in tables[1:]:
        _check_kind(first, other)
    if common:
        ids = first.sample_ids
        for other in tables[1:]:
            ids = ids.filter(pc.is_in(ids, value_set=other.sample_ids))
        if not len(ids):
            raise DataError("The tables have no sample in common; evaluate the models on the same data.")
    else:
        for other in tables[1:]:
            _check_samples(first, other)
        ids = first.sample_ids
    return [_in_order(first, table, ids) for table in tables]


def _check_kind(first: Predictions, other: Predictions) -> None:
    mine, theirs = first.about, other.about
    if set(mine.classes) != set(theirs.classes):
        only = [", ".join(sorted(set(a) - set(b))) or "none" for a, b in _both_ways(mine.classes, theirs.classes)]
        raise DataError(
            f"{mine.model} and {theirs.model} have other classes: only the first one has {only[0]}, only the second "
            f"one {only[1]}. The matrix of training and test sets compares such models over the classes they share."
        )
    if mine.split != theirs.split:
        raise DataError(
            f"{mine.model} was evaluated on {mine.split}, {theirs.model} on {theirs.split}; evaluate both on one split."
        )


def _both_ways(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    return ((first, second), (second, first))


def _check_samples(first: Predictions, other: Predictions) -> None:
    if first.sample_ids.equals(other.sample_ids):
        return
    here = first.sample_ids.filter(pc.invert(pc.is_in(first.sample_ids, value_set=other.sample_ids)))
    there = other.sample_ids.filter(pc.invert(pc.is_in(other.sample_ids, value_set=first.sample_ids)))
    if len(here) or len(there):
        some = ", ".join([*here[:_EXAMPLES].to_pylist(), *there[:_EXAMPLES].to_pylist()][:_EXAMPLES])
        raise DataError(
            f"{first.about.model} and {other.about.model} were evaluated on different samples: {len(here):,} of "
            f"{len(first):,} are only in the first table, {len(there):,} of {len(other):,} only in the second (such as "
            f"{some}). Evaluate both on the same data, or compare the {len(first) - len(here):,} they share."
        )


def _in_order(first: Predictions, table: Predictions, ids: pa.Array) -> Predictions:
    if not ids.equals(table.sample_ids):
        table = table.take(np.asarray(pc.index_in(ids, value_set=table.sample_ids), dtype=np.int64))
    if table.about.classes != first.about.classes:
        table = _with_classes(table, first.about.classes)
    expected = first.labels
    if not ids.equals(first.sample_ids):
        expected = first.labels[np.asarray(pc.index_in(ids, value_set=first.sample_ids), dtype=np.int64)]
    differs = table.labels != expected
    if differs.any():
        row = int(differs.argmax())
        names = first.about.classes
        raise DataError(
            f"{int(differs.sum()):,} of {len(table):,} samples have another label in the table of {table.about.model} "
            f"than in that of {first.about.model}, such as {table.sample_ids[row].as_py()!r}: "
            f"{names[table.labels[row]]} against {names[expected[row]]}. Evaluate both on the same version of the data."
        )
    return table


def _with_classes(table: Predictions, classes: tuple[str, ...]) -> Predictions:
    columns: NDArray[np.int64] = np.array([table.about.classes.index(name) for name in classes])
    places = np.argsort(columns)
    about = table.about.model_copy(update={"classes": classes})
    return Predictions(table.sample_ids, places[table.labels], table.logits[:, :, columns], about, table.twins)
